-- Changes of tables and types, and drops, that lead from 0.1.0 to 0.2.0.
\ir structure/waits.sql
\ir structure/signals.sql
\ir structure/checkpoints.sql
\ir structure/logs.sql
\ir structure/task_progress.sql
\ir structure/traces.sql
\ir structure/children.sql
\ir structure/decisions.sql
\ir structure/limits.sql
\ir structure/simulation.sql

alter table stepgres.workflow_versions
add column schedule jsonb,
add column limits jsonb,
add column on_limit text,
add column on_failure text;
\ir structure/schedules.sql

drop index stepgres.runs_by_workflow, stepgres.active_runs_by_workflow,
stepgres.failed_runs_by_workflow;
create index runs_by_workflow on stepgres.runs (workflow_slug, inserted_at, run_id);
create index active_runs_by_workflow on stepgres.active_runs (workflow_slug, inserted_at, run_id);
create index failed_runs_by_workflow on stepgres.failed_runs (workflow_slug, inserted_at, run_id);

alter table stepgres.steps
add column start_at jsonpath,
add column wait jsonb,
add column durable boolean,
add column child jsonb,
add column limits jsonb,
drop constraint gathering_is_all_that_it_does,
add constraint gathering_is_all_that_it_does check (
    gathers is null or (
        not map and not transactional and sql_function is null
        and condition is null and unless is null and start_delay = '0' and start_at is null
        and wait is null
    )
),
add constraint start_is_delayed_once check (start_at is null or start_delay = '0'),
add constraint waiting_is_all_that_it_does check (
    wait is null or (
        not map and not transactional and not sticky and sql_function is null
        and start_delay = '0' and start_at is null
    )
),
add constraint durable_step_has_a_body check (
    durable is null
    or (
        durable and not transactional and sql_function is null and gathers is null
        and wait is null and child is null
    )
),
add constraint child_is_all_that_it_does check (
    child is null or (
        not transactional and not sticky and sql_function is null and gathers is null
        and wait is null
    )
),
add constraint limited_step_has_a_body check (
    limits is null or (gathers is null and wait is null and child is null)
);
alter type stepgres.step
add attribute start_at jsonpath,
add attribute wait jsonb,
add attribute durable boolean,
add attribute child jsonb,
add attribute limits jsonb;

alter table stepgres.runs
add column depth int,
add column forked_from uuid,
add column is_limited boolean,
add column unique_key text,
add column payloads_deleted_at timestamptz,
add column on_failure text,
add column failure_of uuid,
add column traceparent text;
alter type stepgres.workflow_run
add attribute forked_from uuid,
add attribute unique_key text,
add attribute payloads_deleted_at timestamptz,
add attribute failure_of uuid;
\ir structure/unique_runs.sql
\ir structure/retention.sql
\ir structure/failures.sql
\ir structure/wakes.sql
\ir structure/paused_queues.sql
\ir structure/metrics.sql
alter type stepgres.queue_info
add attribute paused_at timestamptz,
add attribute parts jsonb;

create type stepgres.critical_step as (
    step_slug text,
    task_index int,
    status text,
    started_at timestamptz,
    finished_at timestamptz,
    queued interval,
    limited interval,
    waited interval,
    retrying interval,
    running interval
);
alter table stepgres.pauses add column is_inherited boolean not null default false;
alter table stepgres.tasks add column counted_from int, add column is_limited boolean;
alter table stepgres.attempts alter column worker_id drop not null;
alter table stepgres.timers
drop constraint timer_kind_is_known,
add constraint timer_kind_is_known check (
    kind in ('task', 'wake', 'let_in', 'run_start', 'run_deadline')
);

create type stepgres._suspended_task as (
    run_id uuid,
    step_slug text,
    task_index int,
    attempt int,
    waits_for bigint[] -- noqa: LT01
);
create type stepgres._task_log as (
    run_id uuid,
    step_slug text,
    task_index int,
    attempt int,
    lines jsonb
);
create type stepgres._task_trace as (
    run_id uuid,
    step_slug text,
    task_index int,
    traceparent text
);

alter type stepgres._outcome
add attribute suspended stepgres._suspended_task[],
add attribute restarted stepgres._new_task[],
add attribute left_bodies stepgres._task_key[],
add attribute limited stepgres._task_key[],
add attribute completed bigint,
add attribute executions bigint,
add attribute waited interval,
add attribute ran interval,
add attribute logs stepgres._task_log[],
add attribute traces stepgres._task_trace[];
alter type stepgres.work_item add attribute checkpoints jsonb;

alter table stepgres.workers
add column slots int,
add constraint slots_are_positive check (slots > 0);
alter type stepgres.worker_info
add attribute slots int,
add attribute is_waiting boolean,
add attribute knows jsonb,
add attribute executes jsonb;

-- a worker that is at work now may know durable steps already
update stepgres.workers set resources = resources || '{"feature durable": true}'
where features @> '{durable}';

create type stepgres._run_copy as (
    run_id uuid,
    source uuid,
    fresh text[], -- noqa: LT01
    fresh_bodies text[], -- noqa: LT01
    outputs jsonb
);

create index task_graphs_by_status on stepgres.task_graphs (status, decomposed_at);

drop function stepgres.create_flow(
    text, int, interval, interval, text, text, int, jsonb, text, text, interval, text, int
);
drop function stepgres.complete_task(text, uuid, text, jsonb, int, int, jsonb, int);
drop function stepgres.fail_task(
    text, uuid, text, text, int, int, boolean, interval, text, text, int
);
drop function stepgres._copy_finished_steps(uuid[]);
drop function stepgres._copy_unfinished_maps(uuid[]);
drop function stepgres._expand_map(uuid, text);
drop function stepgres._new_run(text, int, text, int, interval, interval, text[], uuid);
drop function stepgres._json_path(text, text, text);
drop function stepgres._list_family(uuid[]);
drop function stepgres._lock_family(uuid[]);
drop function stepgres._pause_runs(uuid[]);
drop function stepgres._retry_runs(uuid[], boolean, text);
drop function stepgres._start_runs(uuid[], jsonb[], stepgres.runs, interval, uuid[]);
drop function stepgres.add_step(
    text, text, text[], int, interval, interval, boolean, int, text, text, int, jsonb, boolean,
    text, interval, text, text, text, text, text, boolean
);
drop function stepgres._list_attempts(uuid, text);
drop function stepgres.list_queues();
drop function stepgres.list_workers();
drop function stepgres.list_channels();
drop function stepgres._count_messages(text);
drop function stepgres.count_runs(text, text, text[], timestamptz, timestamptz, text);
drop function stepgres.get_run(uuid);
drop function stepgres.list_workflow_runs(
    text, text, int, int, text[], text[], timestamptz, timestamptz, text, uuid
);
drop function stepgres.list_flows(boolean);
drop function stepgres.list_workflow_versions(text);
drop function stepgres.list_task_graphs(text, int, int);
drop function stepgres.register_worker(text, text[], interval, jsonb, jsonb, text[], text);
drop function stepgres.retry_failed_workflow(uuid, boolean, boolean, text);
drop function stepgres.start_workflow_run(
    text, jsonb, uuid, text, int, text, int, interval, interval, text[], uuid
);
drop function stepgres.start_workflow_runs(
    text, jsonb, int, text, int, interval, interval, text[], uuid
);
drop function stepgres.start_task_graph(text, jsonb, uuid, text, text, text[], uuid, text);

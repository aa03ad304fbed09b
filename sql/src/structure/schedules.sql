create table stepgres.schedules (
    schedule_slug text primary key,
    workflow_slug text not null references stepgres.workflows on delete cascade,
    cron text,
    every interval,
    at timestamptz,
    input jsonb not null,
    timezone text not null,
    overlap text not null,
    catch_up int not null,
    jitter interval not null,
    starts_at timestamptz,
    ends_at timestamptz,
    due_key text,
    options jsonb not null,
    declared jsonb not null,
    is_of_workflow boolean not null,
    is_in_force boolean not null,
    paused_at timestamptz,
    pause_note text,
    rule_since timestamptz not null,
    position timestamptz not null,
    next_due_at timestamptz,
    wakes_at timestamptz,
    buffered_at timestamptz,
    created_at timestamptz not null,
    constraint schedule_has_one_rule check (num_nonnulls(cron, every, at) = 1),
    constraint due_times_go_on check (next_due_at > position),
    constraint schedule_in_force_wakes check (
        wakes_at is null or is_in_force and (next_due_at is not null or buffered_at is not null)
    )
);

create index schedules_by_wakes_at on stepgres.schedules (wakes_at) where wakes_at is not null;
create index schedules_by_workflow on stepgres.schedules (workflow_slug);

comment on table stepgres.schedules is
'Holds the schedules: a schedule starts runs of a workflow at its due times.

tick settles each due time once, under the lock of the row: a row in schedule_runs says how.';
comment on column stepgres.schedules.declared is
'The last declaration. A new one changes only what differs from it, so edits of operators stay.';
comment on column stepgres.schedules.is_of_workflow is
'The schedule is a part of the definition of its workflow.';
comment on column stepgres.schedules.is_in_force is
'False for the schedule of a workflow whose current version has none.';
comment on column stepgres.schedules.rule_since is
'The rule has due times only after this time: the schedule was made or changed then.';
comment on column stepgres.schedules.position is
'All due times up to this one are settled. It never moves back, whatever the clock does.';
comment on column stepgres.schedules.next_due_at is
'The next due time, without jitter; null if there is none.';
comment on column stepgres.schedules.wakes_at is
'When tick looks at the schedule again: with jitter, and earlier if a run is buffered.';
comment on column stepgres.schedules.buffered_at is
'The due time whose run starts when the runs before it have ended.';

create table stepgres.schedule_runs (
    schedule_slug text not null references stepgres.schedules on delete cascade,
    due_at timestamptz not null,
    outcome text not null,
    kind text not null,
    run_id uuid,
    error text,
    settled_at timestamptz not null,
    is_open boolean not null default false,
    primary key (schedule_slug, due_at),
    constraint outcome_is_known check (
        outcome in ('started', 'buffered', 'skipped', 'missed', 'paused', 'failed')
    ),
    constraint kind_is_known check (kind in ('due', 'trigger', 'backfill')),
    constraint started_has_a_run check ((outcome = 'started') = (run_id is not null)),
    constraint failed_has_an_error check ((outcome = 'failed') = (error is not null)),
    constraint open_has_a_run check (not is_open or run_id is not null)
);

create unique index schedule_runs_by_run on stepgres.schedule_runs (run_id)
where run_id is not null;
create index open_schedule_runs on stepgres.schedule_runs (schedule_slug, run_id) where is_open;

comment on table stepgres.schedule_runs is
'Says of each due time what has become of it; the rows stay when the runs are pruned.

outcome is started; buffered (it starts when the runs before it have ended); skipped (a run before
it was active); missed (tick came too late, and catch_up was exhausted); paused; or failed, with the
error of the start.';
comment on column stepgres.schedule_runs.kind is
'due: started by tick; trigger: by trigger_schedule; backfill: by backfill_schedule.';
comment on column stepgres.schedule_runs.is_open is
'The run may be active. The next look at the schedule closes the rows of runs that have ended.';

-- The values of the fields of a cron expression, in order.
create type stepgres._cron as (
    minutes int [],
    hours int [],
    days int [],
    months int [],
    weekdays int [],
    needs_both_days boolean,
    is_elapsing boolean
);

create type stepgres.schedule as (
    schedule_slug text,
    workflow_slug text,
    cron text,
    every interval,
    at timestamptz,
    input jsonb,
    timezone text,
    overlap text,
    catch_up int,
    jitter interval,
    starts_at timestamptz,
    ends_at timestamptz,
    due_key text,
    options jsonb,
    is_of_workflow boolean,
    is_in_force boolean,
    paused_at timestamptz,
    pause_note text,
    next_due_at timestamptz,
    created_at timestamptz,
    last_due jsonb
);

comment on type stepgres.schedule is
'A schedule as list_schedules shows it; exactly one of cron, every and at has a value.

next_due_at is null if no due time is left. A paused schedule has due times, but starts no runs.
last_due is the last due time: the columns of stepgres.schedule_run, or null.';

create type stepgres.schedule_run as (
    schedule_slug text,
    due_at timestamptz,
    outcome text,
    kind text,
    run_id uuid,
    error text,
    settled_at timestamptz
);

comment on type stepgres.schedule_run is
'What has become of a due time of a schedule.

outcome is started, buffered, skipped, missed, paused or failed.';

create table stepgres.step_states (
    run_id uuid not null,
    step_slug text not null,
    map boolean not null,
    is_direct boolean not null,
    status text not null default 'created',
    remaining_deps int not null,
    initial_tasks int,
    remaining_tasks int,
    expanded_tasks int not null default 0,
    queued_from int not null default 0,
    skipped_tasks int not null default 0,
    started_at timestamptz,
    finished_at timestamptz,
    skip_reason text,
    error text,
    output jsonb,
    primary key (run_id, step_slug),
    constraint step_status_is_known check (
        status in ('created', 'started', 'completed', 'failed', 'skipped', 'cancelled')
    ),
    constraint step_is_started check (
        status not in ('started', 'completed') or started_at is not null
    ),
    constraint step_is_finished check ((status in ('created', 'started')) = (finished_at is null)),
    constraint step_output check ((status = 'completed') = (output is not null)),
    constraint step_error check (status <> 'failed' or error is not null),
    constraint step_is_skipped check ((status = 'skipped') = (skip_reason is not null)),
    constraint skip_reason_is_known check (
        skip_reason in ('condition_unmet', 'attempts_exhausted', 'dependency_skipped')
    ),
    constraint step_counters check (
        remaining_deps >= 0 and remaining_tasks between 0 and initial_tasks
        and (status = 'created' or remaining_deps = 0 or finished_at is not null)
        and (status not in ('started', 'completed') or remaining_tasks is not null)
        and (status <> 'completed' or remaining_tasks = 0)
    )
) with (fillfactor = 35);

comment on table stepgres.step_states is
'Holds the steps within runs, each with its status, its counters and its output.';
comment on column stepgres.step_states.is_direct is
'The step can start as soon as it is ready: a copy of steps.is_direct.';
comment on column stepgres.step_states.remaining_deps is
'The number of dependencies that have not finished; at 0 the step is ready.';
comment on column stepgres.step_states.initial_tasks is
'The number of tasks of the step, known when the step starts; a step that gathers has 0.';
comment on column stepgres.step_states.remaining_tasks is
'The number of tasks that have not finished, including tasks of a map that are not expanded yet.';
comment on column stepgres.step_states.expanded_tasks is
'The number of tasks of a map that have a row: large maps expand in windows.';
comment on column stepgres.step_states.queued_from is
'No task with a lower index is queued: a hint that keeps claiming a local map linear.';
comment on column stepgres.step_states.skipped_tasks is
'The number of exhausted tasks that the map tolerates: their outputs are null.';

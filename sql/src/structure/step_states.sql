create table stepgres.step_states (
    run_id uuid not null,
    step_slug text not null,
    map boolean not null,
    is_direct boolean not null,
    is_leaf boolean not null,
    is_end boolean not null,
    feeds_map text,
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
    primary key (run_id, step_slug)
) with (fillfactor = 35);

comment on table stepgres.step_states is
'Holds the steps within runs, each with its status, its counters and its output.';
comment on column stepgres.step_states.is_direct is
'The step can start as soon as it is ready: a copy of steps.is_direct.';
comment on column stepgres.step_states.is_leaf is
'No step depends on the step: a copy of steps.is_leaf.';
comment on column stepgres.step_states.is_end is
'The run counts the step in remaining_ends: no unfinished step depends on it.
Leaves are ends. A step becomes an end when the last of its dependents is skipped before it.';
comment on column stepgres.step_states.feeds_map is
'The map step that maps over the output of this single step: a copy of steps.feeds_map.';
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

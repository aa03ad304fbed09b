create table stepgres.task_traces (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    traceparent text not null,
    primary key (run_id, step_slug, task_index)
);

comment on table stepgres.task_traces is
'Holds the spans of completed tasks, as W3C Trace Context writes them, for links of dependents.

Only tasks of runs with a traceparent have rows, which come with their results.';

create table stepgres.ended_traces (
    run_id uuid primary key
);

comment on table stepgres.ended_traces is
'Holds the runs with a traceparent that have ended, until take_ended_traces hands them out.';

create type stepgres.run_trace as (
    run_id uuid,
    workflow_slug text,
    version int,
    traceparent text,
    parent_run_id uuid,
    started_at timestamptz,
    finished_at timestamptz,
    status text,
    is_cancelled boolean,
    failed_step text,
    error text
);

comment on type stepgres.run_trace is
'A run that has ended, with what its span needs; see take_ended_traces.';

create table stepgres.failure_runs (
    failed_run_id uuid primary key,
    run_id uuid,
    due_at timestamptz,
    error text,
    constraint failure_run_is_started_once check ((run_id is null) = (due_at is not null))
);

create index failure_runs_by_due_at on stepgres.failure_runs (due_at) where due_at is not null;

comment on table stepgres.failure_runs is
'Holds the failed runs with on_failure, each with the run that was started for it.

The transaction of the failure inserts the row, and tick starts the run.';
comment on column stepgres.failure_runs.run_id is
'The run that was started; prune may have deleted it. null: it is not started yet.';
comment on column stepgres.failure_runs.due_at is
'When tick starts the run, or tries again; null: the run was started.';
comment on column stepgres.failure_runs.error is
'Why the run could not be started the last time.';

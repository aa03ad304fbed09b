create table stepgres.wakes (
    run_id uuid not null,
    woken_at timestamptz not null,
    primary key (run_id, woken_at)
);

comment on table stepgres.wakes is
'Stores when wake_workflow_run has made delays, retries or sleeps of a run due.';

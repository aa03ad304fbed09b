create table stepgres.task_progress (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    claim int not null,
    done numeric not null,
    total numeric,
    message text,
    reported_at timestamptz not null,
    primary key (run_id, step_slug, task_index)
) with (fillfactor = 50);

comment on table stepgres.task_progress is
'Holds how far the steps of started tasks have come, as their workers last reported.

A row counts while its task is started in the claim of the row; the sweep deletes other rows. The
rows are no part of tasks, since a report must not wait for the lock of a run.';

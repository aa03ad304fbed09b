create table stepgres.logs (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    attempt int not null,
    lines jsonb not null,
    logged_at timestamptz not null,
    primary key (run_id, step_slug, task_index, attempt)
);

-- All of the order in which list_logs returns the newest lines: no plan sorts the logs of a run.
create index logs_by_time on stepgres.logs (run_id, logged_at, step_slug, task_index, attempt);

comment on table stepgres.logs is
'Holds what steps have logged: a row for each attempt with lines, at most 64 KB.

Rows come with the results of attempts, under the lock of the run. An attempt that lets go of its
worker, such as the suspended body of a durable step, adds its lines to the row.';
comment on column stepgres.logs.lines is
'The lines in their order: [{"at": ISO 8601, "level", "message"}].
{"left_out": number} stands for lines that did not fit, or that were no lines.';

comment on column stepgres.logs.logged_at is
'When lines were last stored: at the end of the attempt, or when its body let go of its worker.';

create type stepgres.log_line as (
    step_slug text,
    task_index int,
    attempt int,
    at timestamptz,
    level text,
    message text,
    position text
);

comment on type stepgres.log_line is
'A line that a step has logged, as list_logs shows it.

at and level are null in a line that says how many lines were left out. position is the place of the
attempt among those of the run: pass it to list_logs as after.';

create function stepgres._store_traces(traces stepgres._task_trace[]) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into stepgres.task_traces as t (run_id, step_slug, task_index, traceparent)
    select n.run_id, n.step_slug, n.task_index, n.traceparent
    from unnest(_store_traces.traces) as n
    join stepgres.runs as r on r.run_id = n.run_id and r.traceparent is not null
    where stepgres._is_traceparent(n.traceparent)
    on conflict on constraint task_traces_pkey do update set traceparent = excluded.traceparent
$$;

comment on function stepgres._store_traces(stepgres._task_trace[]) is
'Stores the traceparents of completed tasks of runs that are traced, and leaves out bad ones.

A result is finished work, so a bad traceparent refuses no result.';

create function stepgres._replace_tickets(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lost stepgres._task_key[] := stepgres._find_lost_tickets(_replace_tickets.run_ids);
begin
    perform stepgres._requeue_tasks(v_lost);
    return cardinality(v_lost);
end
$$;

comment on function stepgres._replace_tickets(uuid[]) is
'Sends tickets for queued tasks of these runs that have none; returns the number of tickets.

The caller holds the locks of the runs.';

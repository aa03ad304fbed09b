create function stepgres.list_run_events(
    run_id uuid, since timestamptz default null
) returns setof stepgres.run_event
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from stepgres.runs as r where r.run_id = list_run_events.run_id) then
        perform stepgres._run_not_found(list_run_events.run_id);
    end if;
    return query
    select e.event_type, e.run_id, e.workflow_slug, e.task_graph_id, e.step_slug, e.task_index,
        e.attempt, e.occurred_at, e.error
    from stepgres.run_events as e
    where e.run_id = list_run_events.run_id
        and e.occurred_at >= coalesce(list_run_events.since, '-infinity')
    order by e.occurred_at, e.event_order;
end
$$;

comment on function stepgres.list_run_events(uuid, timestamptz) is
'Returns what happened in a run, in order; since limits the events to this time and later.

The function returns the rows of the view run_events for one run. Roles that may not read the view
may call the function.
The time of an event is when the event happened, not when it was committed. So the events of a long
transaction appear among the events of other transactions, and not behind them.

Errors: SG005 unknown run.';

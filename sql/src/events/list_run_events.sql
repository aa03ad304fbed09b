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
    select e.event_type, e.run_id, e.workflow_slug, e.task_graph_id, e.step_slug, e.task_index, e.attempt,
        e.occurred_at, e.error
    from stepgres.run_events as e
    where e.run_id = list_run_events.run_id and e.occurred_at >= coalesce(list_run_events.since, '-infinity')
    order by e.occurred_at, e.event_order;
end
$$;

comment on function stepgres.list_run_events(uuid, timestamptz) is
'What happened in a run, in order; with since only what happened at that time or later.

It is the view run_events for one run, for roles that may not read the view. The time of an event is when it happened, not
when it was committed: what a long transaction did appears among, and not behind, what others have done meanwhile.

Errors: SG005 unknown run.';

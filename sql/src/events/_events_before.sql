create function stepgres._events_before(
    run_id uuid, workflow_slug text, start stepgres._event_position, "limit" int
) returns setof stepgres.new_event
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_no_run uuid := '00000000-0000-0000-0000-000000000000'::uuid;
    v_position stepgres._event_position := start;
    v_run_ids uuid[];
    v_run_id uuid;
    v_done uuid;
    v_count int := 0;
    v_event stepgres.new_event;
begin
    if _events_before.run_id is not null and v_position.last_run_id = v_no_run
        and not exists (select from stepgres.runs as r where r.run_id = _events_before.run_id)
    then
        perform stepgres._run_not_found(_events_before.run_id);
    end if;
    loop
        v_run_ids := array(
            select _events_before.run_id where _events_before.run_id >= v_position.last_run_id
                and (_events_before.run_id > v_done) is not false
            union all
            select i.run_id from (
                -- events of goals without a run: read only after an interruption
                select v_no_run as run_id where v_position.since is not null and v_done is null
                union
                (
                    select a.run_id from stepgres.active_runs as a
                    where a.run_id >= v_position.last_run_id and (a.run_id > v_done) is not false
                        and a.workflow_slug
                            = coalesce(_events_before.workflow_slug, a.workflow_slug)
                    order by a.run_id limit _events_before."limit"
                )
                union
                (
                    -- runs that have ended since the position was taken
                    select distinct e.run_id from stepgres.recent_events as e
                    where e.run_id >= v_position.last_run_id and (e.run_id > v_done) is not false
                        and e.workflow_slug
                            = coalesce(_events_before.workflow_slug, e.workflow_slug)
                        and not pg_visible_in_snapshot(e.xid, v_position.told)
                    order by e.run_id limit _events_before."limit"
                )
                union
                (
                    select r.run_id from stepgres.runs as r
                    where r.run_id >= v_position.last_run_id and (r.run_id > v_done) is not false
                        and r.workflow_slug
                            = coalesce(_events_before.workflow_slug, r.workflow_slug)
                        and r.finished_at > to_timestamp(v_position.since / 1000000.0)
                    order by r.run_id limit _events_before."limit"
                )
            ) as i
            where _events_before.run_id is null and i.run_id >= v_position.last_run_id
            order by 1 limit _events_before."limit"
        );
        foreach v_run_id in array v_run_ids loop
            if v_run_id > v_position.last_run_id then
                v_position.last_run_id := v_run_id;
                v_position.event_number := 0;
            end if;
            for v_event in
                select (e.event).*, null::text
                from (
                    select (
                        o.event_type, o.run_id, o.workflow_slug, o.task_graph_id, o.step_slug,
                        o.task_index, o.attempt, o.occurred_at, o.error
                    )::stepgres.run_event as event, o.event_order
                    from stepgres.run_events as o
                    where o.run_id = v_run_id
                    union all
                    select (
                        'goal_' || c.status, null, c.workflow_slug, c.task_graph_id, null, null,
                        null, c.changed_at, c.reason
                    )::stepgres.run_event, array[c.change_number]
                    from stepgres.task_graph_changes as c
                    where v_run_id = v_no_run
                        and c.workflow_slug
                            = coalesce(_events_before.workflow_slug, c.workflow_slug)
                ) as e
                where not stepgres._is_recorded(e.event, v_position.told)
                    and (
                        (e.event).occurred_at > to_timestamp(v_position.since / 1000000.0)
                    ) is not false
                order by (e.event).occurred_at, e.event_order
                offset v_position.event_number
            loop
                v_position.event_number := v_position.event_number + 1;
                v_event.position := v_position::text;
                v_count := v_count + 1;
                return next v_event;
            end loop;
            exit when v_count >= _events_before."limit";
            v_done := v_run_id;
        end loop;
        exit when v_count > 0 or cardinality(v_run_ids) < _events_before."limit";
    end loop;
end
$$;

comment on function stepgres._events_before(uuid, text, stepgres._event_position, int) is
'Returns the events before a position, as the rows of runs show them.

The function returns all such events of a run at once, even if these events are more than limit.
_events_after returns the events that were recorded since the position was taken.';

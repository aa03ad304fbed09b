create function stepgres._events_after(
    run_id uuid, workflow_slug text, start stepgres._event_position, "limit" int
) returns setof stepgres.new_event
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_position stepgres._event_position := start;
    v_is_last boolean;
    v_under_way xid8[];
    v_count int := 0;
    v_new record;
    v_event stepgres.new_event;
begin
    loop
        v_is_last := v_position.until is null;
        v_position.until := coalesce(v_position.until, pg_current_snapshot());
        v_under_way := array(select pg_snapshot_xip(v_position.told));
        -- The events that a snapshot does not show are of transactions that were under way or began
        -- later. So the key of recent_events leads to them, however many events were recorded
        -- before.
        for v_new in
            select e.* from stepgres.recent_events as e
            where (e.xid >= pg_snapshot_xmax(v_position.told) or e.xid = any (v_under_way))
                and e.xid < pg_snapshot_xmax(v_position.until)
                and pg_visible_in_snapshot(e.xid, v_position.until)
                and e.event_number > coalesce(v_position.event_number, 0)
                and (_events_after.run_id is null or e.run_id = _events_after.run_id)
                and (
                    _events_after.workflow_slug is null
                    or e.workflow_slug = _events_after.workflow_slug
                )
            order by e.event_number
            limit _events_after."limit" - v_count
        loop
            v_position.event_number := v_new.event_number;
            v_position.told_at := greatest(
                v_position.told_at, stepgres._microseconds(v_new.occurred_at)
            );
            v_event := (
                v_new.event_type, v_new.run_id, v_new.workflow_slug, v_new.task_graph_id,
                v_new.step_slug, v_new.task_index, v_new.attempt, v_new.occurred_at, v_new.error,
                v_position::text
            );
            v_count := v_count + 1;
            return next v_event;
        end loop;
        if v_count = _events_after."limit" then
            return;
        end if;
        v_position := (
            v_position.until, stepgres._microseconds(stepgres._now()), null, 0, null, null
        )::stepgres._event_position;
        exit when v_is_last;
    end loop;
    v_event := null;
    v_event.position := v_position::text;
    return next v_event;
end
$$;

comment on function stepgres._events_after(uuid, text, stepgres._event_position, int) is
'Returns recorded events that became visible after the position was taken, and a last row.

The last row has only the position behind all of these events.';

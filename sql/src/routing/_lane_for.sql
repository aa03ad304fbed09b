create function stepgres._lane_for(
    worker stepgres.workers, workflow_slug text, version int, step_slug text
) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lanes jsonb[] := stepgres._lanes_of(
        _lane_for.workflow_slug, _lane_for.version, _lane_for.step_slug
    );
begin
    if v_lanes[1] ? 'goals' then
        -- Goals come and go, so their lane is named by the goals of a worker that knows the goal
        -- task.
        return jsonb_build_object('goals', coalesce((
            select w.knows -> 'goals'
            from stepgres.steps as s
            join stepgres.workers as w on s.queue = any (w.queues) and w.resources @> s.resources
            where (s.workflow_slug, s.version, s.step_slug)
                = (_lane_for.workflow_slug, _lane_for.version, _lane_for.step_slug)
                and w.knows is not null
                and w.heartbeat_at + w.lease > stepgres._now()
                and stepgres._knows_step(w.knows, s.workflow_slug, s.version, s.step_slug)
            order by w.knows -> 'goals' = 'true' desc
            limit 1
        ), '[]'));
    end if;
    -- A worker that reads the general lane may meet a step there that it does not know. The worker
    -- sends this step on to the lane of the step.
    return v_lanes[case when stepgres._reads_lane(worker.knows, v_lanes[1]) then 2 else 1 end];
end
$$;

comment on function stepgres._lane_for(stepgres.workers, text, int, text) is
'Returns the lane to which a worker sends the ticket of a step that it does not know.

The worker itself does not read this lane.';

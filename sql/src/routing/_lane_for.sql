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
        -- goals come and go: their lane is that of the workers who know the task
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
    -- a worker that reads the general lane, and meets a step there that it does not know, sends
    -- that step on
    return v_lanes[case when stepgres._reads_lane(worker.knows, v_lanes[1]) then 2 else 1 end];
end
$$;

comment on function stepgres._lane_for(stepgres.workers, text, int, text) is
'The lane to which a worker sends the ticket of a step that it does not know; it does not read it
itself.';

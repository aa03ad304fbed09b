create function stepgres._simulated_events(run_id uuid, start timestamptz)
returns stepgres.simulated_event[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select array(
        select (
            e.occurred_at - _simulated_events.start, e.event_type, e.run_id, e.workflow_slug,
            e.step_slug, e.task_index, e.attempt, e.error,
            case e.event_type
                when 'workflow_completed' then r.output
                when 'step_completed' then s.output
                when 'task_completed' then coalesce(t.output, s.output)
            end
        )::stepgres.simulated_event
        from stepgres.run_events as e
        join stepgres.runs as r on r.run_id = e.run_id
        left join stepgres.step_states as s
            on (s.run_id, s.step_slug) = (e.run_id, e.step_slug)
        left join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (e.run_id, e.step_slug, e.task_index)
        where e.run_id = any (stepgres._simulated_runs(_simulated_events.run_id))
        order by e.occurred_at, e.event_order, e.run_id
    )
$$;

comment on function stepgres._simulated_events(uuid, timestamptz) is
'Returns the events of a simulated run and of those below it, in order.';

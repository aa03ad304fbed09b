create function stepgres._start_steps(ready stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_failures stepgres._run_failure[];
    v_skips stepgres._skip[];
    v_finished stepgres._step_key[];
    v_completed stepgres._step_key[];
    v_tasks stepgres._new_task[];
    v_delayed stepgres._new_task[];
    v_delays interval[];
    v_maps stepgres._step_key[];
    v_map_delays interval[];
    v_undated stepgres._step_key[];
    v_waiting stepgres._step_key[];
begin
    select
        array_agg((
            k.run_id, k.step_slug,
            format(
                'step "%s" failed: its condition %s', k.step_slug,
                coalesce('cannot be evaluated: ' || j.error, 'is not met')
            )
        )::stepgres._run_failure) filter (where j.error is not null or s.when_unmet = 'fail'),
        array_agg((
            k.run_id, k.step_slug, 'condition_unmet', null, s.when_unmet = 'skip-cascade'
        )::stepgres._skip) filter (where j.error is null and s.when_unmet <> 'fail')
    into v_failures, v_skips
    from unnest(_start_steps.ready) as k
    join stepgres.runs as r on r.run_id = k.run_id
    cross join lateral (
        select def.* from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, k.step_slug)
        offset 0
    ) as s
    cross join lateral stepgres._judge(k.run_id, k.step_slug, s.condition, s.unless) as j
    where (s.condition is not null or s.unless is not null) and j.may_start is not true;

    perform stepgres._fail_steps(v_failures);
    v_finished := stepgres._skip_steps(v_skips);

    -- The time is taken after the skips: events are told in the order in which they are recorded.
    -- A step that gathers has no task, and neither has a step that waits, or a map of an empty
    -- array.
    v_now := stepgres._now();
    with started as (
        update stepgres.step_states as t
        set status = case when n.is_over then 'completed' else 'started' end, started_at = v_now,
            finished_at = case when n.is_over then v_now end, initial_tasks = n.tasks,
            remaining_tasks = n.tasks,
            output = case
                when not n.is_over then null
                when t.map then '[]'
                else stepgres._gathered_output(t.run_id, t.step_slug)
            end
        from unnest(_start_steps.ready) as k
        join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, k.step_slug)
            offset 0
        ) as s
        cross join lateral (
            select c.tasks, c.tasks = 0 and s.wait is null as is_over
            from (
                select case
                    when s.gathers is not null or s.wait is not null then 0
                    when not s.map then 1
                    else coalesce(
                        s.initial_tasks,
                        jsonb_array_length(stepgres._map_source(k.run_id, k.step_slug))
                    )
                end as tasks
                offset 0
            ) as c
            offset 0
        ) as n
        where t.run_id = k.run_id and t.step_slug = k.step_slug and t.status = 'created'
        returning t.run_id, t.step_slug, t.map, n.tasks, n.is_over, case
            when s.start_at is null then s.start_delay::interval
            else stepgres._delay_until(t.run_id, t.step_slug, s.start_at)
        end as delay
    )
    select
        array_agg(o.step) filter (where s.is_over),
        array_agg(o.step) filter (where s.tasks = 0 and not s.is_over),
        array_agg(o.task) filter (where o.is_single and s.delay = interval '0'),
        array_agg(o.task) filter (where o.is_single and s.delay > interval '0'),
        array_agg(s.delay) filter (where o.is_single and s.delay > interval '0'),
        array_agg(o.step) filter (where s.tasks > 0 and s.map and s.delay is not null),
        array_agg(s.delay) filter (where s.tasks > 0 and s.map and s.delay is not null),
        array_agg(o.step) filter (where s.tasks > 0 and s.delay is null)
    into v_completed, v_waiting, v_tasks, v_delayed, v_delays, v_maps, v_map_delays, v_undated
    from started as s
    cross join lateral (
        select s.tasks > 0 and not s.map as is_single,
            (s.run_id, s.step_slug)::stepgres._step_key as step,
            (s.run_id, s.step_slug, 0, null)::stepgres._new_task as task
    ) as o;
    perform stepgres._queue_tasks(v_tasks);
    perform stepgres._delay_tasks(v_delayed, v_delays);
    perform stepgres._expand_map(m.run_id, m.step_slug, m.delay)
    from rows from (unnest(v_maps), unnest(v_map_delays)) as m (run_id, step_slug, delay);
    -- Steps that fail now come last: the end of their runs withdraws the tasks from above.
    if v_undated is not null then
        perform stepgres._fail_steps(array(
            select (
                k.run_id, k.step_slug,
                format('step "%s" failed: start_at finds no timestamp in its input', k.step_slug)
            )::stepgres._run_failure
            from unnest(v_undated) as k
        ));
    end if;
    if v_waiting is not null then
        v_completed := v_completed || stepgres._open_step_waits(v_waiting);
    end if;
    return v_finished || v_completed;
end
$$;

comment on function stepgres._start_steps(stepgres._step_key[]) is
'Starts, skips or fails steps that became ready, according to their options.

Returns the steps that are finished at once.';

create function stepgres._end_child_tasks(waits stepgres.waits[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_failures stepgres._task_failure[];
    v_steps stepgres._step_key[];
    v_maps stepgres._step_key[];
    v_completed bigint;
begin
    if waits is null then
        return null;
    end if;
    with ended as materialized (
        select w.run_id, w.step_slug, w.task_index, w.number, w.payload, s.map,
            case
                when w.outcome <> 'completed' then w.error
                when s.feeds_map is not null and jsonb_typeof(w.payload) <> 'array'
                    then stepgres._no_array(s.feeds_map, w.step_slug, w.payload)
            end as error,
            -- A child that was cancelled, or could not start, is not tried again.
            w.outcome = 'failed' and c.run_id is not null and c.cancelled_at is null as retryable,
            f.error_type, f.traceback
        from unnest(_end_child_tasks.waits) as w
        join stepgres.runs as r on r.run_id = w.run_id and r.status = 'started'
        cross join lateral (
            select k.map, k.feeds_map from stepgres.step_states as k
            where (k.run_id, k.step_slug) = (w.run_id, w.step_slug) and k.status = 'started'
            offset 0
        ) as s
        left join stepgres.runs as c on c.run_id = w.child_run_id
        left join lateral stepgres._fatal_attempt(c) as f on w.outcome = 'failed'
    ),
    completed as (
        update stepgres.tasks as t
        set status = 'completed', attempt = e.number, finished_at = v_now,
            output = case when e.map then e.payload end
        from ended as e
        where (t.run_id, t.step_slug, t.task_index) = (e.run_id, e.step_slug, e.task_index)
            and t.status = 'waiting' and e.error is null
        returning t.run_id, t.step_slug, e.payload
    ),
    stepped as (
        update stepgres.step_states as t
        set remaining_tasks = t.remaining_tasks - c.tasks,
            status = case when t.map then t.status else 'completed' end,
            finished_at = case when not t.map then v_now end,
            output = case when not t.map then c.output end
        from (
            select d.run_id, d.step_slug, count(*) as tasks, (array_agg(d.payload))[1] as output
            from completed as d
            group by d.run_id, d.step_slug
        ) as c
        where t.run_id = c.run_id and t.step_slug = c.step_slug
        returning t.run_id, t.step_slug, t.map
    )
    select f.failures, s.steps, s.maps, d.tasks into v_failures, v_steps, v_maps, v_completed
    from (
        select array_agg((
            e.run_id, e.step_slug, e.task_index, e.number, e.error, e.retryable, null,
            -- as in _record_results: an output that is no array fails the step
            e.payload, e.error_type, e.traceback
        )::stepgres._task_failure) as failures
        from ended as e where e.error is not null
    ) as f
    cross join (
        select
            array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where not t.map)
                as steps,
            array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where t.map) as maps
        from stepped as t
    ) as s
    cross join (select count(*) as tasks from completed) as d;
    if v_completed > 0 and stepgres._is_counting() then
        insert into stepgres.metric_counts (tasks_completed) values (v_completed);
    end if;
    -- Maps and failures come first, as in _apply_results.
    return stepgres._refill_maps(v_maps) || stepgres._fail_tasks(v_failures) || v_steps;
end
$$;

comment on function stepgres._end_child_tasks(stepgres.waits[]) is
'Completes the tasks whose children have completed, and fails the attempts of the others.

Returns the steps that are finished by this without being failed.';

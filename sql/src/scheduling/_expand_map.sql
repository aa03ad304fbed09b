create function stepgres._expand_map(
    run_id uuid, step_slug text, delay interval default '0'
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first int;
    v_last int;
    v_elements jsonb;
    v_tasks stepgres._new_task[];
begin
    -- Tasks are queued in windows of 1,000, so that large maps neither fill the queue nor take long
    -- to cancel. Each window reads the whole array. So there are at most 32 windows; otherwise the
    -- time for a map would be quadratic in its tasks.
    update stepgres.step_states as t
    set expanded_tasks = least(
        t.initial_tasks, t.expanded_tasks + greatest(1000, t.initial_tasks / 32 + 1)
    )
    from (
        select o.expanded_tasks from stepgres.step_states as o
        where o.run_id = _expand_map.run_id and o.step_slug = _expand_map.step_slug
    ) as o
    where t.run_id = _expand_map.run_id and t.step_slug = _expand_map.step_slug
    returning o.expanded_tasks, t.expanded_tasks - 1 into v_first, v_last;

    -- Take the elements of the window first: finding each element then needs no decompression of
    -- the whole array.
    v_elements := jsonb_path_query_array(
        stepgres._map_source(_expand_map.run_id, _expand_map.step_slug),
        'strict $[$first to $last]', jsonb_build_object('first', v_first, 'last', v_last)
    );
    v_tasks := array(
        select (
            _expand_map.run_id, _expand_map.step_slug, i, v_elements -> (i - v_first)
        )::stepgres._new_task
        from generate_series(v_first, v_last) as i
    );
    if delay > interval '0' then
        perform stepgres._delay_tasks(v_tasks, array_fill(delay, array[cardinality(v_tasks)]));
    else
        perform stepgres._queue_tasks(v_tasks);
    end if;
end
$$;

comment on function stepgres._expand_map(uuid, text, interval) is
'Queues the next window of the tasks of a map step, or delays it: the first window of a step.';

create function stepgres._apply_results(worker_id text, results jsonb) returns setof bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_accepted bigint[];
    v_failures stepgres._task_failure[];
    v_released stepgres._task_key[];
    v_steps stepgres._step_key[];
    v_maps stepgres._step_key[];
    v_windows stepgres._step_key[];
    v_window record;
begin
    -- Compare and set: a result counts only if its task is started, by this attempt of this worker,
    -- in a run that goes on. All that follows hangs off the rows that this statement returns.
    with accepted as materialized (
        select distinct on (n.run_id, n.step_slug, n.task_index)
            n.run_id, n.step_slug, n.task_index, n.attempt, n.place, s.map, t.ctid as row_id,
            case
                when n.status <> 'completed' then n.status
                when s.feeds_map is null or jsonb_typeof(n.output) = 'array' then n.status
                else 'failed'
            end as status,
            case
                when n.status <> 'completed' then n.error
                else format(
                    'step "%s" maps over the output of step "%s", which must be an array, not %s',
                    s.feeds_map, n.step_slug, jsonb_typeof(n.output)
                )
            end as error,
            n.status <> 'completed' and coalesce(n.retryable, true) as retryable,
            make_interval(secs => n.retry_after) as retry_after,
            case when n.status = 'completed' then coalesce(n.output, 'null') end as output
        from rows from (
            jsonb_to_recordset(_apply_results.results) as (
                run_id uuid, step_slug text, task_index int, attempt int, status text, output jsonb,
                error text, retryable boolean, retry_after float8
            )
        ) with ordinality as n (
            run_id, step_slug, task_index, attempt, status, output, error, retryable, retry_after, place
        )
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, n.step_slug)
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
        where t.status = 'started' and t.attempt = n.attempt and t.worker_id = _apply_results.worker_id
        order by n.run_id, n.step_slug, n.task_index, n.place
    ),
    completed as (
        update stepgres.tasks as t
        set status = 'completed', finished_at = v_now, output = case when a.map then a.output end
        from accepted as a
        where t.ctid = a.row_id and a.status = 'completed'
        returning t.run_id, t.step_slug, a.output
    ),
    counted as (
        select c.run_id, c.step_slug, count(*) as tasks, (array_agg(c.output))[1] as output
        from completed as c
        group by c.run_id, c.step_slug
    ),
    stepped as (
        update stepgres.step_states as t
        set remaining_tasks = t.remaining_tasks - c.tasks,
            status = case when t.map then t.status else 'completed' end,
            finished_at = case when not t.map then v_now end,
            output = case when not t.map then c.output end
        from counted as c
        where t.run_id = c.run_id and t.step_slug = c.step_slug
        returning t.run_id, t.step_slug, t.map, t.remaining_tasks,
            t.map and t.expanded_tasks < t.initial_tasks
            and t.remaining_tasks - (t.initial_tasks - t.expanded_tasks) < 500 as needs_window
    )
    select
        (select array_agg(a.place) from accepted as a),
        (
            select array_agg((
                a.run_id, a.step_slug, a.task_index, a.attempt, a.error, a.retryable, a.retry_after, a.output
            )::stepgres._task_failure)
            from accepted as a where a.status = 'failed'
        ),
        (
            select array_agg((a.run_id, a.step_slug, a.task_index)::stepgres._task_key)
            from accepted as a where a.status = 'released'
        ),
        array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where not t.map),
        array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where t.map and t.remaining_tasks = 0),
        array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where t.needs_window)
    into v_accepted, v_failures, v_released, v_steps, v_maps, v_windows
    from stepped as t;

    perform stepgres._complete_maps(v_maps);
    -- failures first: what a failed run has completed keeps its output, but starts nothing more
    perform stepgres._fail_tasks(v_failures);
    perform stepgres._release_tasks(v_released);
    for v_window in
        select k.run_id, k.step_slug from unnest(v_windows) as k
        join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
    loop
        perform stepgres._expand_map(v_window.run_id, v_window.step_slug);
    end loop;
    perform stepgres._advance(v_steps || v_maps);

    if coalesce(cardinality(v_accepted), 0) < jsonb_array_length(results) then
        return query
        select i from generate_series(1, jsonb_array_length(results)::bigint) as i
        where i <> all (coalesce(v_accepted, '{}'));
    end if;
end
$$;

comment on function stepgres._apply_results(text, jsonb) is
'Applies a batch of results and all that follows from them; returns the places (from 1) of those that were refused.';

create function stepgres._record_results(worker_id text, results jsonb) returns stepgres._outcome
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_outcome stepgres._outcome;
begin
    -- Compare and set: a result counts only if its task is started, by this attempt of this worker,
    -- in a run that goes on. Everything else follows from the rows that this statement returns.
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
                    s.feeds_map, n.step_slug, coalesce(jsonb_typeof(n.output), 'null')
                )
            end as error,
            n.status <> 'completed' and coalesce(n.retryable, true) as retryable,
            make_interval(secs => n.retry_after) as retry_after, n.error_type, n.traceback,
            case when n.status = 'completed' then coalesce(n.output, 'null') end as output,
            nullif(n.tasks, 'null') as tasks
        from rows from (
            jsonb_to_recordset(_record_results.results) as (
                run_id uuid, step_slug text, task_index int, attempt int, status text, output jsonb,
                error text, retryable boolean, retry_after float8, tasks jsonb, error_type text,
                traceback text
            )
        ) with ordinality as n (
            run_id, step_slug, task_index, attempt, status, output, error, retryable, retry_after,
            tasks, error_type, traceback, place
        )
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, n.step_slug)
            offset 0
        ) as s
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
        where t.status = 'started' and t.attempt = n.attempt
            and t.worker_id = _record_results.worker_id
            and n.status in ('completed', 'failed', 'released')
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
        returning t.run_id, t.step_slug, t.map
    )
    select
        (select array_agg(a.place) from accepted as a),
        (
            select array_agg((
                a.run_id, a.step_slug, a.task_index, a.attempt, a.error, a.retryable, a.retry_after,
                a.output, a.error_type, a.traceback
            )::stepgres._task_failure)
            from accepted as a where a.status = 'failed'
        ),
        (
            select array_agg((
                a.run_id, a.step_slug, a.task_index, a.attempt, null, true, a.retry_after, null,
                null, null
            )::stepgres._task_failure)
            from accepted as a where a.status = 'released'
        ),
        array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where not t.map),
        array_agg((t.run_id, t.step_slug)::stepgres._step_key) filter (where t.map),
        (
            select array_agg((a.run_id, a.step_slug, a.tasks)::stepgres._added_goal_tasks)
            from accepted as a where a.status = 'completed' and a.tasks is not null
        )
    into v_outcome
    from stepped as t;
    return v_outcome;
end
$$;

comment on function stepgres._record_results(text, jsonb) is
'Completes the tasks and single steps that results complete, and returns the work that is left.';

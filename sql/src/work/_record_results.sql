create function stepgres._record_results(worker_id text, results jsonb) returns stepgres._outcome
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_outcome stepgres._outcome;
begin
    -- Compare and set: a result counts only if its task is started, in this claim of this worker.
    -- A run that has ended has no started task. Everything else follows from the rows that this
    -- statement returns.
    with accepted as materialized (
        select distinct on (n.run_id, n.step_slug, n.task_index)
            n.run_id, n.step_slug, n.task_index, t.attempt, t.counted_from, t.is_limited,
            n.place, s.map, t.queued_at, t.started_at,
            t.ctid as task_row, s.ctid as step_row,
            case
                when n.status <> 'completed' then n.status
                when s.feeds_map is null or jsonb_typeof(n.output) = 'array' then n.status
                else 'failed'
            end as status,
            case
                when n.status <> 'completed' then n.error
                when s.feeds_map is not null and jsonb_typeof(n.output) is distinct from 'array'
                    then stepgres._no_array(s.feeds_map, n.step_slug, n.output)
            end as error,
            n.status <> 'completed' and coalesce(n.retryable, true) as retryable,
            make_interval(secs => n.retry_after) as retry_after, n.error_type, n.traceback,
            case when n.status = 'completed' then coalesce(n.output, 'null') end as output,
            nullif(n.tasks, 'null') as tasks, n.waits_for, n.input,
            nullif(n.logs, 'null') as logs,
            case when n.status = 'completed' then n.traceparent end as traceparent
        from rows from (
            jsonb_to_recordset(_record_results.results) as (
                run_id uuid, step_slug text, task_index int, claim int, attempt int, status text,
                output jsonb, error text, retryable boolean, retry_after float8, tasks jsonb,
                error_type text, traceback text, waits_for bigint[], input jsonb,
                logs jsonb, traceparent text
            )
        ) with ordinality as n (
            run_id, step_slug, task_index, claim, attempt, status, output, error, retryable,
            retry_after, tasks, error_type, traceback, waits_for, input, logs, traceparent,
            place
        )
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
        cross join lateral (
            select k.map, k.feeds_map, k.ctid from stepgres.step_states as k
            where (k.run_id, k.step_slug) = (n.run_id, n.step_slug)
            offset 0
        ) as s
        where t.status = 'started' and coalesce(t.claim = n.claim, t.attempt = n.attempt)
            and t.worker_id = _record_results.worker_id
            and n.status in ('completed', 'failed', 'released', 'suspended', 'restarted')
        order by n.run_id, n.step_slug, n.task_index, n.place
    ),
    completed as (
        update stepgres.tasks as t
        set status = 'completed', finished_at = v_now, output = case when a.map then a.output end
        from accepted as a
        where t.ctid = a.task_row and a.status = 'completed'
        returning a.step_row, a.output
    ),
    counted as (
        select c.step_row, count(*) as tasks, (array_agg(c.output))[1] as output
        from completed as c
        group by c.step_row
    ),
    stepped as (
        update stepgres.step_states as t
        set remaining_tasks = t.remaining_tasks - c.tasks,
            status = case when t.map then t.status else 'completed' end,
            finished_at = case when not t.map then v_now end,
            output = case when not t.map then c.output end
        from counted as c
        where t.ctid = c.step_row
        returning t.run_id, t.step_slug, t.map, t.is_end
    )
    select a.places, a.failures, a.released, a.added, s.steps, s.ends, s.maps, a.suspended,
        a.restarted, a.left_bodies, a.limited, a.completed, a.executions, a.waited, a.ran, a.logs,
        a.traces
    into v_outcome
    from (
        select
            array_agg(o.place) as places,
            array_agg((
                o.run_id, o.step_slug, o.task_index, o.attempt, o.error, o.retryable, o.retry_after,
                o.output, o.error_type, o.traceback
            )::stepgres._task_failure) filter (where o.status = 'failed') as failures,
            array_agg((
                o.run_id, o.step_slug, o.task_index, o.retry_after
            )::stepgres._task_release) filter (where o.status = 'released') as released,
            array_agg((o.run_id, o.step_slug, o.tasks)::stepgres._added_goal_tasks)
                filter (where o.status = 'completed' and o.tasks is not null) as added,
            array_agg((
                o.run_id, o.step_slug, o.task_index, o.attempt, o.waits_for
            )::stepgres._suspended_task) filter (where o.status = 'suspended') as suspended,
            array_agg((
                o.run_id, o.step_slug, o.task_index, coalesce(o.input, 'null')
            )::stepgres._new_task) filter (where o.status = 'restarted') as restarted,
            array_agg((o.run_id, o.step_slug, o.task_index)::stepgres._task_key)
                filter (where o.status = 'completed' and o.counted_from is not null) as left_bodies,
            array_agg((o.run_id, o.step_slug, o.task_index)::stepgres._task_key)
                filter (where o.is_limited and o.status = 'completed') as limited,
            count(*) filter (where o.status = 'completed') as completed,
            count(*) filter (where o.status <> 'released') as executions,
            sum(o.started_at - o.queued_at) filter (where o.status <> 'released') as waited,
            sum(v_now - o.started_at) filter (where o.status <> 'released') as ran,
            array_agg((
                o.run_id, o.step_slug, o.task_index, o.attempt, o.logs
            )::stepgres._task_log) filter (where o.logs is not null) as logs,
            array_agg((o.run_id, o.step_slug, o.task_index, o.traceparent)::stepgres._task_trace)
                filter (where o.traceparent is not null) as traces
        from accepted as o
    ) as a
    cross join (
        select
            array_agg(k.key) filter (where not t.map and not t.is_end) as steps,
            array_agg(k.key) filter (where not t.map and t.is_end) as ends,
            array_agg(k.key) filter (where t.map) as maps
        from stepped as t
        cross join lateral (select (t.run_id, t.step_slug)::stepgres._step_key as key) as k
    ) as s;
    if v_outcome.executions > 0 and stepgres._is_counting() then
        insert into stepgres.metric_counts (tasks_completed, executions, waited, ran)
        values (
            v_outcome.completed, v_outcome.executions, extract(epoch from v_outcome.waited),
            extract(epoch from v_outcome.ran)
        );
    end if;
    return v_outcome;
end
$$;

comment on function stepgres._record_results(text, jsonb) is
'Completes the tasks and single steps that results complete, and returns the work that is left.';

create function stepgres._hand_over(
    tasks stepgres._new_task[], taker stepgres.workers, begins int, places int
) returns stepgres._handed
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_least_priority int;
    v_places bigint[];
    v_handed stepgres._handed;
begin
    if not stepgres._holds_worker(taker.worker_id, taker.generation) then
        v_handed.left_tasks := tasks;
        return v_handed;
    end if;
    v_least_priority := coalesce(stepgres._most_urgent_ticket(taker), -100);
    select
        array_agg((
            n.run_id, r.workflow_slug, r.version, n.step_slug, n.task_index, 1, 1, null,
            s.timeout::interval, s.transactional, s.sql_function, coalesce(r.priority, s.priority),
            s.max_attempts <= 1, false, false, case when s.durable then '{}'::jsonb end
        )::stepgres.work_item),
        array_agg(n.place)
    into v_handed.items, v_places
    from unnest(_hand_over.tasks)
        with ordinality as n (run_id, step_slug, task_index, input, place)
    join stepgres.runs as r
        on r.run_id = n.run_id and r.status = 'started' and r.paused_at is null
    cross join lateral (
        select def.timeout, def.transactional, def.sql_function, def.priority, def.max_attempts,
            def.durable, def.sticky, def.execution, def.limits, def.queue, def.resources
        from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, n.step_slug)
        offset 0
    ) as s
    where (
            s.sticky or (
                n.place <= _hand_over.places
                and coalesce(r.priority, s.priority) >= v_least_priority
            )
        )
        and (s.execution = 'distributed' or r.executor_id is null) and s.limits is null
        and s.queue = any (taker.queues) and taker.resources @> s.resources
        and (
            taker.knows is null
            or (taker.knows -> 'workflows' ->> r.workflow_slug)::int = r.version
            or stepgres._knows_step(taker.knows, r.workflow_slug, r.version, n.step_slug)
        );
    insert into stepgres.tasks (
        run_id, step_slug, task_index, status, attempt, claim, worker_id, ahead, queued_at,
        started_at
    )
    select i.run_id, i.step_slug, i.task_index, 'started', 1, 1, taker.worker_id,
        case when i.ordinality > _hand_over.begins then 'claimed' end, v_now, v_now
    from unnest(v_handed.items) with ordinality as i;
    if v_places is null then
        v_handed.left_tasks := tasks;
    elsif cardinality(v_places) < cardinality(tasks) then
        v_handed.left_tasks := array(
            select (n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task
            from unnest(_hand_over.tasks)
                with ordinality as n (run_id, step_slug, task_index, input, place)
            where n.place not in (select unnest(v_places))
        );
    end if;
    return v_handed;
end
$$;

comment on function stepgres._hand_over(stepgres._new_task[], stepgres.workers, int, int) is
'Starts the tasks of steps that became ready for the worker that made the steps ready.

So a chain needs no ticket between its steps, and a run that has begun goes on before new runs. The
worker gets at most places tasks, as many as it has completed, and more only of sticky steps. It has
room for all of the tasks, and begins so many of them at once. While a more urgent task waits in a
queue of the worker, only sticky steps are handed over. Returns the started tasks, and the tasks
that need a ticket.';

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
    v_handed stepgres._handed;
begin
    if not stepgres._holds_worker(taker.worker_id, taker.generation) then
        v_handed.left_tasks := tasks;
        return v_handed;
    end if;
    v_least_priority := coalesce(stepgres._most_urgent_ticket(taker), -100);
    with fitting as materialized (
        select n.place, (
            n.run_id, r.workflow_slug, r.version, n.step_slug, n.task_index, 1, 1, null,
            s.timeout::interval, s.transactional, s.sql_function, coalesce(r.priority, s.priority),
            s.max_attempts <= 1, false, false, case when s.durable then '{}'::jsonb end
        )::stepgres.work_item as item
        from unnest(_hand_over.tasks)
            with ordinality as n (run_id, step_slug, task_index, input, place)
        join stepgres.runs as r
            on r.run_id = n.run_id and r.status = 'started' and r.paused_at is null
        cross join lateral (
            select def.* from stepgres.steps as def
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
            and (s.execution = 'distributed' or r.executor_id is null)
            and s.queue = any (taker.queues) and taker.resources @> s.resources
            and (
                taker.knows is null
                or (taker.knows -> 'workflows' ->> r.workflow_slug)::int = r.version
                or stepgres._knows_step(taker.knows, r.workflow_slug, r.version, n.step_slug)
            )
    ),
    started as (
        insert into stepgres.tasks (
            run_id, step_slug, task_index, status, attempt, claim, worker_id, ahead,
            queued_at, started_at
        )
        select (f.item).run_id, (f.item).step_slug, (f.item).task_index, 'started', 1, 1,
            taker.worker_id,
            case when row_number() over (order by f.place) > _hand_over.begins then 'claimed' end,
            v_now, v_now
        from fitting as f
    )
    select array_agg(f.item), (
        select array_agg((n.run_id, n.step_slug, n.task_index, n.input)::stepgres._new_task)
        from unnest(_hand_over.tasks)
            with ordinality as n (run_id, step_slug, task_index, input, place)
        where n.place not in (select o.place from fitting as o)
    )
    into v_handed
    from fitting as f;
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

create function stepgres._claim(
    worker stepgres.workers, room stepgres._room, run_ids uuid[], handed stepgres.work_item[]
) returns stepgres._claimed
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_left int := room.capacity - coalesce(cardinality(handed), 0);
    v_rows tid[];
    v_begins int;
    v_started stepgres._claimed;
    v_claimed stepgres._claimed;
begin
    v_claimed.items := handed;
    v_claimed.row_ids := array_fill(null::tid, array[coalesce(cardinality(handed), 0)]);
    if v_left <= 0 then
        return v_claimed;
    end if;
    v_rows := coalesce(stepgres._lock_local_tasks(worker.worker_id, v_left, run_ids), '{}');
    -- The loop runs again only if there were tasks that the worker does not know. The worker sends
    -- these on, and the tasks behind them may be for it. The loop is bounded, so that the results
    -- of the worker are committed soon.
    for i in 1 .. 100 loop
        if i = 1 and 'limits' = any (worker.features) and stepgres._are_lines_in_use() then
            v_rows := stepgres._lock_limited_tasks(
                _claim.worker, _claim.run_ids, v_rows, v_left,
                room.begins - coalesce(cardinality(handed), 0)
            );
        else
            v_rows := stepgres._lock_queued_tasks(_claim.worker, v_rows, v_left, -100);
        end if;
        exit when v_rows = '{}';
        if i = 1 then
            perform stepgres._hold_worker(worker.worker_id, worker.generation);
            perform stepgres._follow();
        end if;
        if stepgres._are_events_sent() then
            v_claimed.resumed := v_claimed.resumed || array(
                select (t.run_id, t.step_slug, t.task_index)::stepgres._task_key
                from stepgres.tasks as t
                where t.ctid = any (v_rows) and stepgres._attempt_handed_back(t) is not null
            );
        end if;
        -- The time is taken after the tickets: no task starts before the step that it belongs to.
        v_now := stepgres._now();
        v_begins := room.begins - coalesce(cardinality(v_claimed.items), 0);

        -- The rows are locked and therefore stay in place. A run that has ended since they were
        -- locked is seen here, in a new snapshot, because ending a run takes the locks of its
        -- tasks. The conditions on knows are ordered by cost. A task without a ticket is local.
        with started as (
            update stepgres.tasks as t
            set status = 'started', attempt = t.attempt + 1, claim = t.claim + 1,
                worker_id = worker.worker_id, started_at = v_now, msg_id = null, lane = null,
                error = null,
                ahead = case
                    when t.ahead = 'lost' then t.ahead
                    when k.place > v_begins then 'claimed'
                end
            from unnest(v_rows) with ordinality as k (row_id, place), stepgres.runs as r
            where t.ctid = k.row_id and t.status = 'queued'
                and r.run_id = t.run_id and r.status = 'started' and r.paused_at is null
                and (
                    worker.knows is null or t.msg_id is null
                    or (worker.knows -> 'workflows' ->> r.workflow_slug)::int = r.version
                    or (r.task_graph_id is not null and worker.knows -> 'goals' = 'true')
                    or stepgres._knows_step(worker.knows, r.workflow_slug, r.version, t.step_slug)
                )
            returning t.run_id, t.step_slug, t.task_index, t.attempt, t.counted_from, t.claim,
                t.ahead, t.ctid as row_id, k.place, r.workflow_slug, r.version, r.priority
        ),
        ordered as (
            select t.row_id, (
                t.run_id, t.workflow_slug, t.version, t.step_slug, t.task_index, t.attempt, t.claim,
                null, s.timeout::interval, s.transactional, s.sql_function, o.priority,
                t.attempt - coalesce(t.counted_from, 0) >= s.max_attempts,
                coalesce(t.ahead = 'lost', false), false, case when s.durable then '{}'::jsonb end
            )::stepgres.work_item as item
            from started as t
            join stepgres.steps as s
                on (s.workflow_slug, s.version, s.step_slug)
                    = (t.workflow_slug, t.version, t.step_slug)
            cross join lateral (select coalesce(t.priority, s.priority) as priority) as o
            -- A worker may claim more tasks than it can run at a time; it runs them in this order.
            order by o.priority desc, t.place
        )
        select array_agg(o.item), array_agg(o.row_id) into v_started.items, v_started.row_ids
        from ordered as o;
        v_claimed.items := v_claimed.items || v_started.items;
        v_claimed.row_ids := v_claimed.row_ids || v_started.row_ids;

        exit when cardinality(v_started.items) = cardinality(v_rows) or worker.knows is null;
        v_left := v_left - coalesce(cardinality(v_started.items), 0);
        exit when stepgres._pass_on(_claim.worker, v_rows) = 0 or v_left <= 0;
        v_rows := '{}';
    end loop;
    return v_claimed;
end
$$;

comment on function stepgres._claim(
    stepgres.workers, stepgres._room, uuid[], stepgres.work_item[]
) is
'Starts tasks for a worker: as many as it has room for beside those that were handed to it before.

Returns all of them, without inputs, and the rows of the tasks that may have an element of a map.';

create function stepgres._start_runs(
    run_ids uuid[], inputs jsonb[], prototype stepgres.runs, delay interval default null,
    retried_from uuid[] default null, failure_of uuid[] default null,
    traceparents text[] default null
) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
    v_ready stepgres._step_key[];
    v_on_limit text;
    v_delay interval := _start_runs.delay;
    v_batch record;
begin
    if array_position(inputs, null) is not null then
        perform stepgres._input_is_missing(prototype.workflow_slug);
    end if;
    if prototype.is_limited then
        select w.on_limit into v_on_limit from stepgres.workflow_versions as w
        where (w.workflow_slug, w.version) = (prototype.workflow_slug, prototype.version);
        v_delay := coalesce(v_delay, '0');
    end if;
    perform stepgres._follow();
    -- The transaction may go on for a while: runs_record_late_start looks for subscribers again.
    if now() <> statement_timestamp()
        and current_setting('stepgres.followed', true) is distinct from 'changes' then
        perform set_config('stepgres.first_run', _start_runs.run_ids[1]::text, true);
    end if;
    if prototype.priority is not null then
        perform stepgres._ensure_queue(s.queue, prototype.priority, s.resources)
        from stepgres.steps as s
        where (s.workflow_slug, s.version) = (prototype.workflow_slug, prototype.version)
            and not exists (
                select from stepgres.queues as q
                where (q.queue, q.priority, q.resources, q.lane)
                    = (s.queue, prototype.priority, s.resources, '{}')
            );
    end if;
    with started as (
        insert into stepgres.runs as r (
            run_id, workflow_slug, version, remaining_ends, executor_id, priority, idempotency_key,
            tags, deadline, parent_run_id, retried_from, task_graph_id, inserted_at, input, depth,
            forked_from, is_limited, unique_key, on_failure, failure_of, traceparent
        )
        select n.run_id, prototype.workflow_slug, prototype.version,
            (
                select count(*) from stepgres.steps as s
                where (s.workflow_slug, s.version) = (prototype.workflow_slug, prototype.version)
                    and s.is_leaf
            ),
            prototype.executor_id, prototype.priority, prototype.idempotency_key, prototype.tags,
            prototype.deadline, prototype.parent_run_id, n.retried_from, prototype.task_graph_id,
            v_now, n.input, prototype.depth, prototype.forked_from, prototype.is_limited,
            prototype.unique_key, prototype.on_failure,
            coalesce(n.failure_of, prototype.failure_of),
            coalesce(n.traceparent, prototype.traceparent)
        from unnest(
            _start_runs.run_ids, _start_runs.inputs, _start_runs.retried_from,
            _start_runs.failure_of, _start_runs.traceparents
        ) as n (run_id, input, retried_from, failure_of, traceparent)
        on conflict do nothing
        returning r.run_id
    ),
    activated as (
        insert into stepgres.active_runs (run_id, workflow_slug, inserted_at)
        select s.run_id, prototype.workflow_slug, v_now from started as s
    )
    select array_agg(s.run_id) into v_run_ids from started as s;

    with created as (
        insert into stepgres.step_states as t (
            run_id, step_slug, map, is_direct, is_leaf, is_end, feeds_map, remaining_deps,
            status, started_at, initial_tasks, remaining_tasks
        )
        select i.run_id, s.step_slug, s.map, s.is_direct, s.is_leaf, s.is_leaf, s.feeds_map,
            s.dependency_count,
            case when o.starts then 'started' else 'created' end,
            case when o.starts then v_now end,
            case when o.starts then 1 end,
            case when o.starts then 1 end
        from unnest(v_run_ids) as i (run_id)
        cross join stepgres.steps as s
        cross join lateral (
            select s.is_direct and s.dependency_count = 0 and v_delay is null as starts
        ) as o
        where (s.workflow_slug, s.version) = (prototype.workflow_slug, prototype.version)
        returning t.run_id, t.step_slug, t.is_direct, t.remaining_deps
    )
    select array_agg((c.run_id, c.step_slug)::stepgres._step_key) into v_ready
    from created as c
    where c.remaining_deps = 0 and not c.is_direct;
    if v_ready is not null then
        perform stepgres._check_inputs(
            prototype.workflow_slug, prototype.version, _start_runs.inputs
        );
    end if;

    perform stepgres._send_run_events('workflow_started', v_run_ids);
    if v_delay > interval '0' or prototype.deadline is not null then
        insert into stepgres.timers (run_id, kind, due_at)
        select i.run_id, k.kind, k.due_at
        from unnest(v_run_ids) as i (run_id)
        cross join (values
            ('run_start', v_now + nullif(v_delay, interval '0')),
            ('run_deadline', v_now + coalesce(v_delay, interval '0') + prototype.deadline)
        ) as k (kind, due_at)
        where k.due_at is not null;
    end if;
    if prototype.is_limited and v_delay = interval '0' then
        -- Nobody would be told that a child run was rejected, and who retries a run wants it.
        perform stepgres._line_up_runs(v_run_ids, case
            when prototype.depth is null and _start_runs.delay is null
                and _start_runs.retried_from is null then v_on_limit
            else 'queue'
        end);
    elsif v_delay is null then
        -- The runs are alike, so a step is looked up only once. Each queue gets one send.
        for v_batch in
            select q.queue, q.priority, s.resources, s.limits is not null as is_limited, array_agg(
                (i.run_id, s.step_slug, 0, null)::stepgres._new_task order by i.place, s.step_index
            ) as tasks
            from stepgres.steps as s
            cross join lateral (
                select coalesce(prototype.priority, s.priority) as priority, case
                    when stepgres._needs_ticket(s.execution, s.durable, prototype.executor_id)
                        then s.queue
                end as queue
            ) as q
            cross join unnest(v_run_ids) with ordinality as i (run_id, place)
            where (s.workflow_slug, s.version) = (prototype.workflow_slug, prototype.version)
                and s.is_direct and s.dependency_count = 0
            group by q.queue, q.priority, s.resources, s.limits is not null
        loop
            if v_batch.is_limited then
                perform stepgres._stand_in_line(v_batch.tasks, v_batch.queue, true);
                continue;
            end if;
            perform stepgres._queue_batch(
                v_batch.tasks, v_batch.queue, v_batch.priority, v_batch.resources, true
            );
        end loop;
        if v_ready is not null then
            perform stepgres._advance(stepgres._start_steps(v_ready));
        end if;
    end if;
    return v_run_ids;
end
$$;

comment on function stepgres._start_runs(
    uuid[], jsonb[], stepgres.runs, interval, uuid[], uuid[], text[]
) is
'Starts runs like the prototype; skips, and does not return, runs whose id or key is taken.

With a delay, the steps of the runs stay created until the timer fires; with a delay of 0, until
the caller starts them. retried_from are the failed runs that the new runs retry, failure_of those
that they are started for as on_failure, traceparents those of these runs.';

create function stepgres._sweep_tickets() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
    v_queue record;
    v_lost stepgres._task_key[];
    v_count int := 0;
begin
    insert into stepgres.sweeps (swept_at) values (v_now)
    on conflict (only_row) do update set swept_at = v_now
    where stepgres.sweeps.swept_at <= v_now - interval '10 seconds';
    if not found then
        return 0;
    end if;
    select array_agg(a.run_id) into v_run_ids from (
        select o.run_id from stepgres.active_runs as o
        where o.run_id > coalesce(
            (select s.position from stepgres.sweeps as s), '00000000-0000-0000-0000-000000000000'
        )
        order by o.run_id limit 1000
    ) as a;
    update stepgres.sweeps as s
    set position = case when cardinality(v_run_ids) = 1000 then v_run_ids[1000] end;

    perform stepgres._lock_runs(v_run_ids);
    for v_queue in
        select q.pgmq_queue, array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key) as tasks,
            array_agg(t.msg_id) as msg_ids
        from unnest(v_run_ids) as i (run_id)
        join stepgres.runs as r on r.run_id = i.run_id
        join stepgres.tasks as t on t.run_id = r.run_id and t.status = 'queued'
        join stepgres.steps as s
            on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, t.step_slug)
        join stepgres.queues as q on q.queue = s.queue
        where t.msg_id is not null or r.executor_id is null
        group by q.pgmq_queue
    loop
        execute format(
            'select array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key)
             from rows from (unnest($1), unnest($2)) as t (run_id, step_slug, task_index, msg_id)
             where not exists (select from pgmq.%I as m where m.msg_id = t.msg_id)',
            'q_' || v_queue.pgmq_queue
        ) into v_lost using v_queue.tasks, v_queue.msg_ids;
        perform stepgres._requeue_tasks(v_lost);
        v_count := v_count + coalesce(cardinality(v_lost), 0);
    end loop;
    return v_count;
end
$$;

comment on function stepgres._sweep_tickets() is
'Sends tickets again for queued tasks of the next 1,000 active runs that have none, at most every ten seconds; returns their number.';

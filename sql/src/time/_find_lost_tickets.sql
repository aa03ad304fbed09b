create function stepgres._find_lost_tickets(run_ids uuid[]) returns stepgres._task_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_queue record;
    v_lost stepgres._task_key[];
    v_all stepgres._task_key[] := '{}'::stepgres._task_key[];
begin
    for v_queue in
        select coalesce(t.lane, q.pgmq_queue) as pgmq_queue, array_agg(t.msg_id) as msg_ids,
            array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key) as tasks
        from unnest(_find_lost_tickets.run_ids) as i (run_id)
        join stepgres.runs as r on r.run_id = i.run_id
        join stepgres.tasks as t on t.run_id = r.run_id and t.status = 'queued'
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, t.step_slug)
            offset 0
        ) as s
        left join stepgres.queues as q
            on (q.queue, q.priority, q.resources, q.lane)
                = (s.queue, coalesce(r.priority, s.priority), s.resources, '{}')
        where (t.msg_id is not null or r.executor_id is null) and r.paused_at is null
            and t.is_limited is null
            and (r.is_limited is null or not stepgres._stands_in_line(r.run_id))
        group by 1
    loop
        if to_regclass('pgmq.q_' || v_queue.pgmq_queue) is null then
            v_lost := v_queue.tasks;
        else
            execute format(
                'select array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key)
                 from rows from (unnest($1), unnest($2))
                     as t (run_id, step_slug, task_index, msg_id)
                 where not exists (select from pgmq.%I as m where m.msg_id = t.msg_id)',
                'q_' || v_queue.pgmq_queue
            ) into v_lost using v_queue.tasks, v_queue.msg_ids;
        end if;
        v_all := v_all || v_lost;
    end loop;
    return v_all;
end
$$;

comment on function stepgres._find_lost_tickets(uuid[]) is
'Returns the queued tasks of runs that have no ticket.

Without the locks of the runs, some of these tasks may have been claimed meanwhile.';

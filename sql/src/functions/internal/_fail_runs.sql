create function stepgres._fail_runs(failures stepgres._run_failure[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_tickets record;
begin
    update stepgres.runs as r
    set status = 'failed', finished_at = v_now, remaining_steps = 0, error = f.error, failed_step = f.step_slug
    from unnest(_fail_runs.failures) as f
    where r.run_id = f.run_id;

    update stepgres.step_states as t
    set status = 'cancelled', finished_at = v_now
    from unnest(_fail_runs.failures) as f
    where t.run_id = f.run_id and t.status in ('created', 'started');

    for v_tickets in
        with cancelled as (
            update stepgres.tasks as t
            set status = 'cancelled', finished_at = v_now, msg_id = null
            from stepgres.tasks as o
            join stepgres.runs as r on r.run_id = o.run_id
            join stepgres.steps as s
                on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, o.step_slug)
            join stepgres.queues as q
                on (q.queue, q.priority, q.resources) = (s.queue, coalesce(r.priority, s.priority), s.resources)
            where o.run_id in (select f.run_id from unnest(_fail_runs.failures) as f)
                and (t.run_id, t.step_slug, t.task_index) = (o.run_id, o.step_slug, o.task_index)
                and t.status in ('queued', 'started', 'waiting')
            returning q.pgmq_queue, o.msg_id
        )
        select c.pgmq_queue, array_agg(c.msg_id) as msg_ids
        from cancelled as c
        where c.msg_id is not null
        group by c.pgmq_queue
    loop
        perform pgmq.delete(v_tickets.pgmq_queue, v_tickets.msg_ids);
    end loop;

    delete from stepgres.timers as t
    using unnest(_fail_runs.failures) as f where t.run_id = f.run_id;
    delete from stepgres.active_runs as a
    using unnest(_fail_runs.failures) as f where a.run_id = f.run_id;
    perform stepgres._hint_subscribers(array(select f.run_id from unnest(_fail_runs.failures) as f));
end
$$;

comment on function stepgres._fail_runs(stepgres._run_failure[]) is
'Fails runs: nothing of them stays unfinished, no timer and no ticket remains.';

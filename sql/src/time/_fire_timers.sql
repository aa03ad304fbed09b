create function stepgres._fire_timers() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
    v_fired int;
    v_overdue stepgres._run_failure[];
    v_starting uuid[];
    v_tasks stepgres._task_key[];
begin
    -- Runs are locked before their timers, in the order that everybody else takes them.
    select array_agg(distinct d.run_id) into v_run_ids
    from (
        select t.run_id from stepgres.timers as t where t.due_at <= v_now order by t.due_at limit 1000
    ) as d;
    if v_run_ids is null then
        return 0;
    end if;
    v_run_ids := stepgres._try_lock_runs(v_run_ids);
    with fired as (
        delete from stepgres.timers as t
        where t.run_id = any (v_run_ids) and t.due_at <= v_now
        returning t.run_id, t.kind, t.step_slug, t.task_index
    )
    select count(*)::int,
        array_agg((
            f.run_id, null,
            format('run did not end within its deadline of %s s', extract(epoch from r.deadline)::float8)
        )::stepgres._run_failure) filter (where f.kind = 'run_deadline'),
        array_agg(f.run_id) filter (where f.kind = 'run_start'),
        array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key) filter (where f.kind = 'task')
    into v_fired, v_overdue, v_starting, v_tasks
    from fired as f
    join stepgres.runs as r on r.run_id = f.run_id;

    -- deadlines first: what is over starts nothing more
    if v_overdue is not null then
        perform stepgres._fail_runs(v_overdue);
    end if;
    perform stepgres._start_ready_steps(v_starting);
    perform stepgres._requeue_tasks(v_tasks);
    perform stepgres._hint_subscribers(v_run_ids, have_ended => false);
    return v_fired;
end
$$;

comment on function stepgres._fire_timers() is
'Does what is due: fails overdue runs, starts delayed ones, queues tasks whose wait is over; returns the number of timers.';

create function stepgres._fire_timers() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
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
        returning t.run_id, t.step_slug, t.task_index
    )
    select array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key) into v_tasks from fired as f;
    perform stepgres._requeue_tasks(v_tasks);
    return coalesce(cardinality(v_tasks), 0);
end
$$;

comment on function stepgres._fire_timers() is
'Queues the tasks whose wait is over; returns their number.';

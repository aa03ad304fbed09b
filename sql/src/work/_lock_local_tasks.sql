create function stepgres._lock_local_tasks(executor_id text, capacity int, run_ids uuid[])
returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rows tid[];
begin
    if run_ids is null then
        return null;
    end if;
    v_rows := array(
        select t.ctid
        from unnest(_lock_local_tasks.run_ids) as i (run_id)
        join stepgres.runs as r
            on r.run_id = i.run_id and r.executor_id = _lock_local_tasks.executor_id
                and r.paused_at is null
                and (r.is_limited is null or not stepgres._stands_in_line(r.run_id))
        join stepgres.step_states as s on s.run_id = r.run_id and s.status = 'started'
        cross join lateral (
            select def.priority from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, s.step_slug)
            offset 0
        ) as d
        join stepgres.tasks as t
            on t.run_id = s.run_id and t.step_slug = s.step_slug and t.task_index >= s.queued_from
        where t.status = 'queued' and t.msg_id is null and t.is_limited is null
        order by coalesce(r.priority, d.priority) desc, t.run_id, t.step_slug, t.task_index
        limit _lock_local_tasks.capacity
        for no key update of t skip locked
    );
    update stepgres.step_states as s
    set queued_from = k.next_index
    from (
        select t.run_id, t.step_slug, max(t.task_index) + 1 as next_index
        from stepgres.tasks as t
        where t.ctid = any (v_rows)
        group by t.run_id, t.step_slug
    ) as k
    where s.run_id = k.run_id and s.step_slug = k.step_slug and s.map;
    return v_rows;
end
$$;

comment on function stepgres._lock_local_tasks(text, int, uuid[]) is
'Locks queued tasks that an executor runs itself; the caller holds the locks of the runs.';

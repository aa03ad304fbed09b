create function stepgres._copy_checkpoints(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tasks stepgres._task_key[];
begin
    -- Only a new task that was not copied has its body before it. offset 0: as in _queue_tasks.
    select array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key) into v_tasks
    from stepgres.runs as r
    cross join lateral (
        select k.step_slug, k.task_index from stepgres.tasks as k
        where k.run_id = r.retried_from and k.counted_from is not null offset 0
    ) as o
    cross join lateral (
        select n.run_id, n.step_slug, n.task_index from stepgres.tasks as n
        where (n.run_id, n.step_slug, n.task_index) = (r.run_id, o.step_slug, o.task_index)
            and n.finished_at is null
        offset 0
    ) as t
    where r.run_id = any (_copy_checkpoints.run_ids);
    if v_tasks is null then
        return;
    end if;
    insert into stepgres.checkpoints (
        run_id, step_slug, task_index, place, name, number, wait_id, output, error, error_type,
        saved_at
    )
    select k.run_id, c.step_slug, c.task_index,
        row_number() over (partition by k.run_id, c.step_slug, c.task_index order by c.place),
        c.name, c.number, w.wait_id, c.output, c.error, c.error_type, c.saved_at
    from unnest(v_tasks) as k
    join stepgres.runs as r on r.run_id = k.run_id
    join stepgres.checkpoints as c
        on (c.run_id, c.step_slug, c.task_index) = (r.retried_from, k.step_slug, k.task_index)
    left join lateral (
        select o.wait_id from stepgres.waits as o
        where (o.run_id, o.step_slug, o.task_index, o.name, o.number)
            = (k.run_id, k.step_slug, k.task_index, c.name, c.number)
        offset 0
    ) as w on c.wait_id is not null
    where c.wait_id is null or w.wait_id is not null;

    -- A body that has begun anew keeps the input that it was given then.
    update stepgres.tasks as t
    set counted_from = 0, input = o.input
    from unnest(v_tasks) as k
    join stepgres.runs as r on r.run_id = k.run_id
    join stepgres.tasks as o
        on (o.run_id, o.step_slug, o.task_index) = (r.retried_from, k.step_slug, k.task_index)
    where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index);
end
$$;

comment on function stepgres._copy_checkpoints(uuid[]) is
'Gives the unfinished tasks of new runs the checkpoints of the runs that they retry.

_copy_waits has copied the resolved waits.';

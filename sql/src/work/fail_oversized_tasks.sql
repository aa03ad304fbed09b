create function stepgres.fail_oversized_tasks(
    worker_id text, capacity int default 100, run_ids uuid[] default null
) returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_worker stepgres.workers := stepgres._worker(fail_oversized_tasks.worker_id);
    v_capacity int := greatest(fail_oversized_tasks.capacity, 0);
    v_rows tid[];
    v_task record;
    v_oversized stepgres._step_key[];
    v_failures stepgres._run_failure[];
begin
    -- Take the tasks that a claim would get, and look at their inputs one by one. Then roll all of
    -- it back.
    begin
        perform stepgres._lock_runs(fail_oversized_tasks.run_ids);
        v_rows := stepgres._lock_local_tasks(
            v_worker.worker_id, v_capacity, fail_oversized_tasks.run_ids
        );
        select v_rows || array_agg(p) into v_rows
        from stepgres._queues_of(v_worker) as q
        cross join lateral unnest(stepgres._pop_tasks(q.pgmq_queue, v_capacity)) as p;
        for v_task in
            -- The tasks of a step that have no element share one input.
            select distinct on (t.run_id, t.step_slug, coalesce(t.task_index, -1))
                t.run_id, t.step_slug, t.input
            from (
                select o.run_id, o.step_slug, o.input,
                    case when o.input is not null then o.task_index end as task_index
                from stepgres.tasks as o where o.ctid = any (v_rows)
            ) as t
        loop
            begin
                perform from stepgres._step_inputs as i
                where (i.run_id, i.step_slug) = (v_task.run_id, v_task.step_slug)
                    and octet_length(coalesce(v_task.input, i.input)::text) > 1000000000;
                if found then
                    v_oversized :=
                        v_oversized || (v_task.run_id, v_task.step_slug)::stepgres._step_key;
                end if;
            exception when program_limit_exceeded then
                v_oversized := v_oversized || (v_task.run_id, v_task.step_slug)::stepgres._step_key;
            end;
        end loop;
        raise exception using errcode = 'SGLCK';
    exception when sqlstate 'SGLCK' then
        perform stepgres._lock_runs(array(select o.run_id from unnest(v_oversized) as o));
    end;
    select array_agg((
        t.run_id, t.step_slug,
        format(
            'step "%s" failed: its input is larger than the 256 MB that PostgreSQL holds in'
            ' one value, or than 1 GB as text', t.step_slug
        )
    )::stepgres._run_failure) into v_failures
    from (select distinct u.run_id, u.step_slug from unnest(v_oversized) as u) as o
    join stepgres.step_states as t
        on t.run_id = o.run_id and t.step_slug = o.step_slug and t.status = 'started';
    perform stepgres._fail_steps(v_failures);
    return coalesce(cardinality(v_failures), 0);
end
$$;

comment on function stepgres.fail_oversized_tasks(text, int, uuid[]) is
'Fails the steps and runs whose inputs are more than PostgreSQL can hold; returns their number.

The input of a step has the outputs of its dependencies merged in, and again under their slugs. When
an input exceeds 256 MB, or 1 GB as text, a claim of its task fails with the error 54000 of
PostgreSQL, and so does every later claim. An element of a map may exceed these limits too. A worker
that gets this error calls fail_oversized_tasks with the capacity and run_ids of its claim, and then
claims again.

Errors: SG006 unknown worker.';

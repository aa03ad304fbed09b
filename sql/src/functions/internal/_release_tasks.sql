create function stepgres._release_tasks(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks is null then
        return;
    end if;
    -- The attempt was not used: the next claim gets its number again, under another worker or lease.
    update stepgres.tasks as t
    set status = 'waiting', attempt = t.attempt - 1
    from unnest(_release_tasks.tasks) as k
    where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index);
    perform stepgres._requeue_tasks(_release_tasks.tasks);
end
$$;

comment on function stepgres._release_tasks(stepgres._task_key[]) is
'Takes started tasks back from a worker that will not execute them; no attempt is counted.';

create function stepgres._free_places(tasks stepgres._task_key[]) returns void
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
begin
    with freed as (
        delete from stepgres.places as p
        using unnest(_free_places.tasks) as k
        where p.run_id = any (array[k.run_id])
            and (p.step_slug, p.task_index) = (k.step_slug, k.task_index)
        returning p.limit_slug, p.key, p.lent_by
    )
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct f.limit_slug, f.key, f.lent_by from freed as f;
    if found and exists (select from stepgres.workers as w where w.is_waiting) then
        perform stepgres._notify_workers();
    end if;
end
$$;

comment on function stepgres._free_places(stepgres._task_key[]) is
'Frees the places of tasks that are not started any more; for a run, its step_slug is empty.';

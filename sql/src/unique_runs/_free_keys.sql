create function stepgres._free_keys(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    with freed as (
        delete from stepgres.unique_runs as u
        using stepgres.runs as r
        where r.run_id = any (_free_keys.run_ids) and u.workflow_slug = r.workflow_slug
            and u.unique_key = r.unique_key and u.run_id = r.run_id
        returning u.workflow_slug, u.unique_key
    )
    -- The run that waits may be locked, for as long as a start that replaces its input takes to
    -- commit. So its start is noted for tick.
    insert into stepgres.child_changes (change, run_id)
    select 'begin', w.run_id
    from freed as f
    join stepgres.unique_runs as w
        on w.workflow_slug = f.workflow_slug and w.unique_key = f.unique_key
            and w.is_waiting and w.is_held
    where w.run_id <> all (_free_keys.run_ids)
    on conflict do nothing;
    if found then
        perform stepgres._notify_workers();
    end if;
end
$$;

comment on function stepgres._free_keys(uuid[]) is
'Frees the keys of runs that have ended, and notes the runs that were held back by them for tick.';

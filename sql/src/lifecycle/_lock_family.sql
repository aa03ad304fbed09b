create function stepgres._lock_family(run_ids uuid[], are_awaited boolean default false)
returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_known uuid[] := stepgres._list_family(_lock_family.run_ids, _lock_family.are_awaited);
    v_found uuid[];
begin
    -- No run starts under a locked run. But a run that started before may have a lower id than the
    -- locked runs: then release all locks, and lock again in the one order.
    loop
        begin
            perform stepgres._lock_runs(v_known);
            v_found := stepgres._list_family(_lock_family.run_ids, _lock_family.are_awaited);
            -- not <@, which compares each id with each other id
            exit when not exists (select unnest(v_found) except select unnest(v_known));
            raise exception using errcode = 'SGLCK';
        exception when sqlstate 'SGLCK' then
            v_known := v_found;
        end;
    end loop;
    return (
        select array_agg(r.run_id order by r.run_id) from stepgres.runs as r
        where r.run_id = any (v_known) and r.status = 'started'
    );
end
$$;

comment on function stepgres._lock_family(uuid[], boolean) is
'Locks runs and the runs under them, as _list_family lists them, and returns the active ones.';

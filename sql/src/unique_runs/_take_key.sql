create function stepgres._take_key(run stepgres.runs, is_waiting boolean) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One run at a time passes the waiting row, whatever it wants. So nobody else takes the other
    -- row meanwhile, and tick, which moves a run that waits, never waits for a start.
    insert into stepgres.unique_runs (workflow_slug, unique_key, is_waiting, run_id)
    values (run.workflow_slug, run.unique_key, true, run.run_id)
    on conflict do nothing;
    if not found or _take_key.is_waiting then
        return found;
    end if;
    -- Do not wait for the end of an active run that is under way: its transaction may be a start
    -- that waits for the row above.
    if exists (
        select from stepgres.unique_runs as u
        where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
            and not u.is_waiting
    ) then
        return false;
    end if;
    insert into stepgres.unique_runs (workflow_slug, unique_key, is_waiting, run_id)
    values (run.workflow_slug, run.unique_key, false, run.run_id)
    on conflict do nothing;
    delete from stepgres.unique_runs as u
    where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key and u.is_waiting;
    return true;
end
$$;

comment on function stepgres._take_key(stepgres.runs, boolean) is
'Takes the unique_key of a new run; returns false if another run has it: then the caller rolls back.

Waits for other starts with this key that are under way.';

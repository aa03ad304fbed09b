create function stepgres._cancel_open_runs(run_ids uuid[]) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_locked uuid[] := stepgres._try_lock_runs(stepgres._list_family(_cancel_open_runs.run_ids));
begin
    -- tick waits for no run: a family that is locked, or has grown, is for the next tick
    if exists (
        select from unnest(stepgres._list_family(_cancel_open_runs.run_ids)) as f (run_id)
        join stepgres.active_runs as a on a.run_id = f.run_id
        where f.run_id <> all (coalesce(v_locked, '{}'))
    ) then
        return false;
    end if;
    perform stepgres._cancel_runs(
        array(
            select r.run_id from stepgres.runs as r
            where r.run_id = any (v_locked) and r.status = 'started'
        ),
        'the next run of the schedule has come due'
    );
    return true;
end
$$;

comment on function stepgres._cancel_open_runs(uuid[]) is
'Cancels runs of a schedule with their child runs; false if another transaction has locked any.';

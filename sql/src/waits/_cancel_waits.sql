create function stepgres._cancel_waits(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if run_ids is null then
        return;
    end if;
    -- The waits of tasks are left to _close_waits_of, which also cancels their child runs.
    update stepgres.waits as w
    set resolved_at = v_now, outcome = 'cancelled', is_new = false
    where w.run_id = any (_cancel_waits.run_ids) and w.resolved_at is null
        and w.name = '' and w.kind <> 'child';
end
$$;

comment on function stepgres._cancel_waits(uuid[]) is
'Cancels the open waits of the steps of runs that end; the caller has locked the runs.';

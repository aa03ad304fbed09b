create function stepgres._resolve_waits(resolutions stepgres._resolution[])
returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_resolved stepgres.waits[];
begin
    if resolutions is null then
        return null;
    end if;
    -- Compare and set: the second to come finds the wait resolved, and does nothing. The signals
    -- come first, because their events are told before those of the waits.
    update stepgres.signals as s
    set wait_id = w.wait_id, consumed_at = v_now, run_id = w.run_id, is_new = false
    from unnest(_resolve_waits.resolutions) as n
    join stepgres.waits as w on w.wait_id = n.wait_id and w.resolved_at is null
    where s.signal_id = n.signal_id;
    with resolved as (
        update stepgres.waits as w
        set resolved_at = v_now, outcome = n.outcome, payload = n.payload, error = n.error,
            signal_id = n.signal_id, is_new = false
        from unnest(_resolve_waits.resolutions) as n
        where w.wait_id = n.wait_id and w.resolved_at is null
        returning w as wait
    )
    select array_agg(r.wait order by (r.wait).wait_id) into v_resolved from resolved as r;
    return stepgres._apply_waits(v_resolved);
end
$$;

comment on function stepgres._resolve_waits(stepgres._resolution[]) is
'Resolves waits that are open, and consumes their signals; returns the steps finished by this.

The caller has locked the runs, and passes the steps to _advance.';

create function stepgres._time_out_waits_of(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_count int := stepgres._deliver_signals_of(_time_out_waits_of.run_ids);
    v_due stepgres._resolution[];
begin
    -- A signal that was sent in time has just won, or is left new for the next tick. The rest are
    -- too late.
    select array_agg((
        w.wait_id, case w.kind when 'sleep' then 'completed' else 'timed_out' end, null, null, null
    )::stepgres._resolution)
    into v_due
    from unnest(_time_out_waits_of.run_ids) as i (run_id)
    cross join lateral (
        select o.* from stepgres.waits as o
        where o.run_id = i.run_id and o.resolved_at is null offset 0
    ) as w
    where w.due_at <= v_now and (v_count < 1000 or not exists (
        select from stepgres.signals as s
        where s.run_id = w.run_id and s.signal = w.signal and s.wait_id is null and s.is_new
        offset 0
    ) and not exists (
        select from stepgres.signals as s
        where s.signal = w.signal and s.key = w.key and s.wait_id is null and s.run_id is null
            and s.is_new and s.expires_at > v_now
        offset 0
    ));
    perform stepgres._advance(stepgres._resolve_waits(v_due));
    return v_count + coalesce(cardinality(v_due), 0);
end
$$;

comment on function stepgres._time_out_waits_of(uuid[]) is
'Ends the waits of locked runs whose time is over, after their unread signals were delivered.

A sleep is completed; another wait is timed_out. Returns the number of waits that were resolved.';

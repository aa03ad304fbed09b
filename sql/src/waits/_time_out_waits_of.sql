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
    -- A signal that was sent in time has just won. The rest are too late.
    select array_agg((
        w.wait_id, case w.kind when 'sleep' then 'completed' else 'timed_out' end, null, null, null
    )::stepgres._resolution)
    into v_due
    from unnest(_time_out_waits_of.run_ids) as i (run_id)
    cross join lateral (
        select o.* from stepgres.waits as o
        where o.run_id = i.run_id and o.resolved_at is null offset 0
    ) as w
    where w.due_at <= v_now;
    perform stepgres._advance(stepgres._resolve_waits(v_due));
    return v_count + coalesce(cardinality(v_due), 0);
end
$$;

comment on function stepgres._time_out_waits_of(uuid[]) is
'Ends the waits of locked runs whose time is over, after their unread signals were delivered.

A sleep is completed; another wait is timed_out. Returns the number of waits that were resolved.';

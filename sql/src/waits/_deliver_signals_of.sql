create function stepgres._deliver_signals_of(
    run_ids uuid[], fresh_from bigint default 9223372036854775807
) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_match record;
begin
    select m.* into v_match
    from stepgres._match_signals(
        _deliver_signals_of.run_ids, _deliver_signals_of.fresh_from
    ) as m;
    update stepgres.waits as w set is_new = false
    where w.run_id = any (_deliver_signals_of.run_ids) and w.is_new and w.resolved_at is null;
    -- skip locked: as in _mark_signals
    update stepgres.signals as s set is_new = false
    where s.signal_id = any (array(
        select n.signal_id from stepgres.signals as n
        where n.signal_id = any (v_match.compared) and n.is_new
        for no key update skip locked
    ));
    perform stepgres._advance(stepgres._resolve_waits(v_match.resolutions));
    return coalesce(cardinality(v_match.resolutions), 0)
        + case when v_match.left_new is null then 0 else 1000 end;
end
$$;

comment on function stepgres._deliver_signals_of(uuid[], bigint) is
'Delivers signals of locked runs to their open waits, and returns the number of signals.

The result is 1,000 more if signals are left new for the next call: see _match_signals.
Signals with a key are those of the run whose open wait has the key. fresh_from is as for
_match_signals.';

create function stepgres._deliver_signals_of(
    run_ids uuid[], fresh_from bigint default 9223372036854775807
) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_resolutions stepgres._resolution[] := stepgres._match_signals(
        _deliver_signals_of.run_ids, _deliver_signals_of.fresh_from
    );
begin
    update stepgres.waits as w set is_new = false
    where w.run_id = any (_deliver_signals_of.run_ids) and w.is_new and w.resolved_at is null;
    perform stepgres._advance(stepgres._resolve_waits(v_resolutions));
    return coalesce(cardinality(v_resolutions), 0);
end
$$;

comment on function stepgres._deliver_signals_of(uuid[], bigint) is
'Delivers signals of locked runs to their open waits, and returns the number of signals.

Signals with a key are those of the run whose open wait has the key. fresh_from is as for
_match_signals.';

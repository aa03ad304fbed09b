create function stepgres._duplicate_of(signal stepgres.signals) returns stepgres.sent_signal
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_signal_id bigint;
begin
    if (_duplicate_of.signal).idempotency_key is null then
        return null;
    elsif (_duplicate_of.signal).key is null then
        select s.signal_id into v_signal_id from stepgres.signals as s
        where s.run_id = (_duplicate_of.signal).run_id
            and s.signal = (_duplicate_of.signal).signal
            and s.idempotency_key = (_duplicate_of.signal).idempotency_key and s.key is null;
    else
        select s.signal_id into v_signal_id from stepgres.signals as s
        where s.key = (_duplicate_of.signal).key
            and s.signal = (_duplicate_of.signal).signal
            and s.idempotency_key = (_duplicate_of.signal).idempotency_key;
    end if;
    return case
        when v_signal_id is not null then (v_signal_id, 'duplicate')::stepgres.sent_signal
    end;
end
$$;

comment on function stepgres._duplicate_of(stepgres.signals) is
'Returns the signal that was sent before with the same idempotency_key; null if there is none.';

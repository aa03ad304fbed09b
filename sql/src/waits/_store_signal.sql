create function stepgres._store_signal(signal stepgres.signals) returns stepgres.sent_signal
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_signal_id bigint;
begin
    insert into stepgres.signals as s (
        run_id, signal, key, payload, idempotency_key, source, sent_by, sent_at, expires_at
    )
    values (
        (_store_signal.signal).run_id, (_store_signal.signal).signal, (_store_signal.signal).key,
        coalesce((_store_signal.signal).payload, 'null'), (_store_signal.signal).idempotency_key,
        (_store_signal.signal).source, session_user, stepgres._now(),
        (_store_signal.signal).expires_at
    )
    on conflict do nothing
    returning s.signal_id into v_signal_id;
    if not found then
        -- Another transaction has sent it since the caller looked.
        return stepgres._duplicate_of(_store_signal.signal);
    end if;
    perform stepgres._notify_workers();
    return (v_signal_id, 'sent')::stepgres.sent_signal;
end
$$;

comment on function stepgres._store_signal(stepgres.signals) is
'Stores a signal that was checked, and notifies the workers at commit.';

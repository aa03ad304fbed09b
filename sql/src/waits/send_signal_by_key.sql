create function stepgres.send_signal_by_key(
    signal text,
    key text,
    payload jsonb default 'null',
    idempotency_key text default null,
    source text default null,
    keep interval default '1 day'
) returns stepgres.sent_signal
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_signal stepgres.signals;
    v_sent stepgres.sent_signal;
    v_oldest bigint;
    v_keep interval := stepgres._in_seconds(send_signal_by_key.keep);
begin
    perform stepgres._check_signal(
        send_signal_by_key.signal, send_signal_by_key.payload, send_signal_by_key.idempotency_key,
        send_signal_by_key.source
    );
    if (length(send_signal_by_key.key) between 1 and 256) is not true then
        raise exception 'the key of a signal has 1 to 256 characters, not %',
            coalesce(length(send_signal_by_key.key)::text, 'null')
            using errcode = 'SG003', hint = 'Pass the key that the step waits under.';
    elsif (v_keep > interval '0' and v_keep <= interval '36525 days') is not true then
        raise exception 'a signal cannot be kept for %', coalesce(keep::text, 'null')
            using errcode = 'SG003', hint = 'keep is more than 0 seconds, and at most 100 years.';
    end if;
    v_signal.signal := send_signal_by_key.signal;
    v_signal.key := send_signal_by_key.key;
    v_signal.payload := send_signal_by_key.payload;
    v_signal.idempotency_key := send_signal_by_key.idempotency_key;
    v_signal.source := send_signal_by_key.source;
    v_signal.expires_at := stepgres._now() + v_keep;
    v_sent := stepgres._duplicate_of(v_signal);
    if v_sent is not null then
        return v_sent;
    end if;
    if (
        select count(*) from (
            select from stepgres.signals as s
            where s.signal = send_signal_by_key.signal and s.key = send_signal_by_key.key
                and s.wait_id is null and s.run_id is null
            limit 1000
        ) as u
    ) = 1000 then
        perform stepgres._too_many_signals(
            1000, format('key "%s" of signal "%s"', v_signal.key, v_signal.signal)
        );
    end if;
    v_sent := stepgres._store_signal(v_signal);
    -- There are not more unread signals than ids since the oldest one: so most calls count nothing.
    select s.signal_id into v_oldest from stepgres.signals as s
    where s.wait_id is null and s.run_id is null and s.expires_at > '-infinity'
    order by s.signal_id + 0 limit 1;
    if v_sent.signal_id - v_oldest >= 100000 and (
        select count(*) from (
            select from stepgres.signals as s
            where s.wait_id is null and s.run_id is null and s.expires_at > '-infinity'
            limit 100001
        ) as u
    ) > 100000 then
        perform stepgres._too_many_signals(100000, 'the database');
    end if;
    return v_sent;
end
$$;

comment on function stepgres.send_signal_by_key(text, text, jsonb, text, text, interval) is
'Sends a signal to the run that waits for it under a key, in the transaction of the caller.

The key is the key of the wait: the id of an order or of a payment, which the sender knows, and not
the id of a run. If no run waits under the key, the signal is kept for the next run that does, for
as long as keep says. All else is as for send_signal. An idempotency_key counts under one name and
key, until the run that has consumed the signal is pruned, or the signal has expired.

Errors: SG003 not the name of a signal, a key, keep, idempotency_key or source out of range; SG017 a
payload of more than 1,000,000 bytes; SG028 1,000 unread signals under the key, or 100,000 under all
keys.';

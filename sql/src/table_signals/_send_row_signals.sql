create function stepgres._send_row_signals(
    source text, signal text, keys text[], payloads jsonb[]
) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_oldest bigint;
    v_newest bigint;
    v_count int := cardinality(keys);
    v_room int := 100000;
    v_unfit int;
    v_sent int;
begin
    perform stepgres._check_signal(
        _send_row_signals.signal, null, null, _send_row_signals.source
    );
    -- An upgrade may hold the tables, and lock_timeout of the user may end the wait for it. After
    -- these locks no other is waited for. The block writes nothing: see _row_signal_body.
    begin
        lock table stepgres.signals, stepgres.workers in row exclusive mode;
    exception when lock_not_available or deadlock_detected then
        raise warning 'table % has not sent % signals "%": %', source, v_count, signal, sqlerrm
            using hint = 'Send them with send_signal_by_key.';
        return;
    end;
    -- There are not more unread signals than ids since the oldest one: so most calls count nothing.
    select s.signal_id into v_oldest from stepgres.signals as s
    where s.wait_id is null and s.run_id is null and s.expires_at > '-infinity'
    order by s.signal_id + 0 limit 1;
    select s.signal_id into v_newest from stepgres.signals as s order by s.signal_id desc limit 1;
    if v_newest - v_oldest + v_count >= 100000 then
        select 100000 - count(*)::int into v_room
        from (
            select from stepgres.signals as s
            where s.wait_id is null and s.run_id is null and s.expires_at > '-infinity'
            limit 100000
        ) as u;
    end if;

    with given as (
        select g.key, g.payload, g.place,
            length(g.key) between 1 and 256 and octet_length(g.payload::text) <= 1000000 as is_fit,
            row_number() over (partition by g.key order by g.place) as nth
        from rows from (
            unnest(_send_row_signals.keys), unnest(_send_row_signals.payloads)
        ) with ordinality as g (key, payload, place)
    ),
    sent as (
        insert into stepgres.signals (signal, key, payload, source, sent_by, sent_at, expires_at)
        select _send_row_signals.signal, g.key, g.payload, _send_row_signals.source, session_user,
            v_now, v_now + interval '1 day'
        from given as g
        where g.is_fit and g.nth <= 1000 - (
            select count(*) from (
                select from stepgres.signals as s
                where s.signal = _send_row_signals.signal and s.key = g.key
                    and s.wait_id is null and s.run_id is null
                limit 1000
            ) as u
        )
        order by g.place limit v_room
        returning 1
    )
    select (select count(*)::int from sent), count(*) filter (where g.is_fit is not true)::int
    into v_sent, v_unfit
    from given as g;
    if v_sent > 0 then
        perform stepgres._notify_workers();
    end if;
    -- An error would fail the statement of the user.
    if v_sent < v_count then
        raise warning 'table % has not sent % of % signals "%": % without a key of 1 to 256 '
            'characters or with a payload of more than 1,000,000 bytes, % without room',
            source, v_count - v_sent, v_count, signal, v_unfit, v_count - v_sent - v_unfit
            using hint = 'A key has room for 1,000 unread signals, the database for 100,000.';
    end if;
end
$$;

comment on function stepgres._send_row_signals(text, text, text[], jsonb[]) is
'Sends a signal by key for each row that has begun to match, and warns of those that cannot be sent.

The triggers of signal_on call it, also those that an older version has made.';

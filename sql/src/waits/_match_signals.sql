create function stepgres._match_signals(
    run_ids uuid[], fresh_from bigint default 9223372036854775807
) returns stepgres._resolution[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_signal record;
    v_wait stepgres.waits;
    v_group text;
    v_passed bigint;
    v_is_first boolean;
    v_taken bigint[] := '{}'::bigint[];
    v_resolutions stepgres._resolution[];
begin
    -- Signals of different names do not compete, so each name of a run is a group. v_passed is a
    -- wait of the group: this wait and all before it are taken. A signal and a wait that were
    -- compared before are not compared again.
    for v_signal in
        select s.signal_id, s.run_id, s.signal, s.payload, s.is_new,
            s.is_new or g.are_fresh as meets_all
        from stepgres.runs as r
        cross join lateral (
            select w.signal,
                bool_or(w.is_new or w.wait_id >= _match_signals.fresh_from) as has_fresh,
                bool_and(w.is_new or w.wait_id >= _match_signals.fresh_from) as are_fresh
            from stepgres.waits as w
            where w.run_id = r.run_id and w.resolved_at is null and w.signal is not null
            group by w.signal
        ) as g
        cross join lateral (
            select u.* from stepgres.signals as u
            where u.run_id = r.run_id and u.signal = g.signal and u.wait_id is null
            offset 0
        ) as s
        where (s.is_new or g.has_fresh) and r.run_id = any (_match_signals.run_ids)
            and r.status = 'started' and r.paused_at is null
        order by s.run_id, s.signal, s.signal_id
    loop
        if v_group is distinct from v_signal.run_id || v_signal.signal then
            v_group := v_signal.run_id || v_signal.signal;
            v_passed := 0;
        end if;
        v_is_first := v_signal.meets_all;
        for v_wait in
            select w.* from stepgres.waits as w
            where w.run_id = v_signal.run_id and w.signal = v_signal.signal
                and w.resolved_at is null and w.wait_id > v_passed and (
                    v_signal.is_new or w.is_new or w.wait_id >= _match_signals.fresh_from
                )
            order by w.wait_id
        loop
            if v_wait.wait_id = any (v_taken) then
                v_passed := case when v_is_first then v_wait.wait_id else v_passed end;
            elsif stepgres._is_matched(v_wait, v_signal.payload) then
                v_taken := v_taken || v_wait.wait_id;
                v_resolutions := v_resolutions || (
                    v_wait.wait_id, 'signalled', v_signal.payload, null, v_signal.signal_id
                )::stepgres._resolution;
                exit;
            else
                v_is_first := false;
            end if;
        end loop;
    end loop;

    -- Signals with a key: no other open wait has the name and the key. A row that another
    -- transaction has locked is being deleted, or stays new for the next tick.
    for v_wait in
        select w.* from stepgres.runs as r
        cross join lateral (
            select o.* from stepgres.waits as o
            where o.run_id = r.run_id and o.resolved_at is null offset 0
        ) as w
        where r.run_id = any (_match_signals.run_ids) and r.status = 'started'
            and r.paused_at is null and w.key is not null and w.wait_id <> all (v_taken)
        order by w.wait_id
    loop
        for v_signal in
            select s.signal_id, s.payload from stepgres.signals as s
            where s.signal = v_wait.signal and s.key = v_wait.key and s.wait_id is null
                and s.run_id is null and s.expires_at > v_now and (
                    s.is_new or v_wait.is_new or v_wait.wait_id >= _match_signals.fresh_from
                )
            order by s.signal_id
        loop
            continue when not stepgres._is_matched(v_wait, v_signal.payload);
            perform from stepgres.signals as s
            where s.signal_id = v_signal.signal_id and s.wait_id is null
            for no key update skip locked;
            continue when not found;
            v_resolutions := v_resolutions || (
                v_wait.wait_id, 'signalled', v_signal.payload, null, v_signal.signal_id
            )::stepgres._resolution;
            exit;
        end loop;
    end loop;
    return v_resolutions;
end
$$;

comment on function stepgres._match_signals(uuid[], bigint) is
'Returns which unread signals resolve which open waits of runs, for _resolve_waits.

New signals are compared with all open waits, and unread ones with the waits that are new or have at
least the id fresh_from.

In the order of their ids, each signal goes to the oldest open wait of its name whose match it
meets. One that no wait takes stays unread. The caller has locked the runs; paused runs take none.';

create function stepgres._match_signals(
    run_ids uuid[],
    fresh_from bigint default 9223372036854775807,
    out resolutions stepgres._resolution[],
    out compared bigint[],
    out left_new bigint[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_budget int := 5000;
    v_signal record;
    v_group text;
    v_waits stepgres.waits[];
    v_wait_ids bigint[];
    v_next int[];
    v_all int[];
    v_fresh int[];
    v_place int;
begin
    <<signals>>
    for v_signal in
        select * from stepgres._signals_to_compare(
            _match_signals.run_ids, _match_signals.fresh_from
        )
    loop
        if v_budget <= 0 then
            left_new := left_new || v_signal.signal_id;
            continue;
        end if;
        -- Signals of different names do not compete, so each name of a run is a group.
        if v_group is distinct from v_signal.run_id || v_signal.signal then
            v_group := v_signal.run_id || v_signal.signal;
            -- Among waits that ask the same of a signal, only the oldest open one is compared: its
            -- place is in v_all, and v_next has the place of the wait that follows it.
            select array_agg(w.wait order by w.place), array_agg((w.wait).wait_id order by w.place),
                array_agg(w.next order by w.place),
                array_agg(w.place order by w.place) filter (where w.is_first),
                array_agg(w.place order by w.place) filter (where w.is_first and w.is_fresh)
            into v_waits, v_wait_ids, v_next, v_all, v_fresh
            from (
                select c.wait, c.place, c.is_fresh, lead(c.place) over alike as next,
                    lag(c.place) over alike is null as is_first
                from (
                    select o as wait, (row_number() over (order by o.wait_id))::int as place,
                        o.is_new or o.wait_id >= _match_signals.fresh_from as is_fresh,
                        o.match::text as match, o.key,
                        case when o.match::text ~ '\$"input"' then o.step_slug end as input_of
                    from stepgres.waits as o
                    where o.run_id = v_signal.run_id and o.signal = v_signal.signal
                        and o.resolved_at is null
                ) as c
                window alike as (
                    partition by c.match, c.input_of, c.key, c.is_fresh order by c.place
                )
            ) as w;
        end if;
        foreach v_place in array case
            when v_signal.wait_id is not null then array_positions(v_wait_ids, v_signal.wait_id)
            when v_signal.is_new then v_all
            else v_fresh
        end loop
            continue when v_signal.wait_id is not null and v_place <> all (v_all);
            v_budget := v_budget - 1;
            continue when not stepgres._is_matched(v_waits[v_place], v_signal.payload);
            if v_signal.wait_id is not null then
                -- A row that another transaction has locked is being deleted, or stays new.
                perform from stepgres.signals as s
                where s.signal_id = v_signal.signal_id and s.wait_id is null
                for no key update skip locked;
                continue signals when not found;
            end if;
            resolutions := resolutions || (
                v_wait_ids[v_place], 'signalled', v_signal.payload, null, v_signal.signal_id
            )::stepgres._resolution;
            v_all := stepgres._replaced(v_all, v_place, v_next[v_place]);
            v_fresh := stepgres._replaced(v_fresh, v_place, v_next[v_place]);
            exit;
        end loop;
        compared := compared || v_signal.signal_id;
    end loop;

    update stepgres.signals as s set is_new = true
    where s.signal_id = any (array(
        select n.signal_id from stepgres.signals as n
        where n.signal_id = any (left_new) and not n.is_new
        for no key update skip locked
    ));
end
$$;

comment on function stepgres._match_signals(uuid[], bigint) is
'Returns which unread signals resolve which open waits of runs, for _resolve_waits.

New signals are compared with all open waits, and unread ones with the waits that are new or have at
least the id fresh_from. In the order of their ids, each signal goes to the oldest open wait of its
name whose match it meets. A signal that no wait takes stays unread.

compared has the ids of the signals that the waits have been compared with. After about 5,000
comparisons the other signals are left new, for a later call: their ids are in left_new. The caller
has locked the runs.';

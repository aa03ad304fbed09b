create function stepgres._deliver_signals() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_last bigint := 0::bigint;
    v_signals bigint[];
    v_run_ids uuid[];
    v_handled int;
    v_count int := 0;
begin
    loop
        v_signals := array(
            select s.signal_id from stepgres.signals as s
            where s.is_new and s.signal_id + 0 > v_last
            order by s.signal_id + 0 limit 1000
        );
        -- A wait with a key may have been opened while the signal was being sent: then neither
        -- transaction has seen the other, and the one that committed last is new here.
        v_run_ids := stepgres._try_lock_runs(array(
            select s.run_id from stepgres.signals as s
            where s.signal_id = any (v_signals) and s.run_id is not null
            union
            select w.run_id from stepgres.signals as s
            cross join lateral (
                select o.run_id from stepgres.waits as o
                where o.signal = s.signal and o.key = s.key and o.resolved_at is null offset 0
            ) as w
            where s.signal_id = any (v_signals) and s.run_id is null
            union
            (select w.run_id from stepgres.waits as w where w.is_new limit 1000)
        ));
        v_count := v_count + stepgres._move_runs('_deliver_signals_of', v_run_ids);
        v_handled := stepgres._mark_signals(v_signals, v_run_ids);
        -- The runs of all of these may be locked: then look at the next ones.
        exit when cardinality(v_signals) < 1000 or v_handled > 0;
        v_last := v_signals[1000];
    end loop;
    return greatest(v_count, v_handled);
end
$$;

comment on function stepgres._deliver_signals() is
'Delivers the next 1,000 new signals, and compares new waits with keys with the unread signals.

Returns the number of signals that are not new any more. Signals of runs that other transactions
have locked stay new for the next tick.';

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
            where s.is_new and s.signal_id > v_last
            order by s.signal_id limit 1000
        );
        -- A wait with a key may have been opened while the signal was being sent: then neither
        -- transaction has seen the other, and the one that committed last is new here.
        v_run_ids := stepgres._try_lock_runs(array(
            select s.run_id from stepgres.signals as s
            where s.signal_id = any (v_signals) and s.run_id is not null
            union
            select w.run_id from stepgres.signals as s
            join stepgres.waits as w
                on w.signal = s.signal and w.key = s.key and w.resolved_at is null
            where s.signal_id = any (v_signals) and s.run_id is null
            union
            select n.run_id from (
                select w.run_id from stepgres.waits as w
                where w.is_new order by w.wait_id limit 1000
            ) as n
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

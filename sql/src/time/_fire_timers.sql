create function stepgres._fire_timers() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    -- Runs are locked before their timers, as everywhere.
    return stepgres._move_runs('_fire_timers_of', stepgres._try_lock_runs(array(
        select distinct d.run_id
        from (
            select t.run_id from stepgres.timers as t
            where t.due_at <= v_now order by t.due_at limit 1000
        ) as d
    )));
end
$$;

comment on function stepgres._fire_timers() is
'Fires the next 1,000 due timers, run by run, and returns the number of timers.';

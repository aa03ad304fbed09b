create function stepgres._time_out_waits() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    return stepgres._move_runs('_time_out_waits_of', stepgres._try_lock_runs(array(
        select distinct d.run_id
        from (
            select w.run_id from stepgres.waits as w
            where w.resolved_at is null and w.due_at is not null and w.due_at <= v_now
            order by w.due_at limit 1000
        ) as d
    )));
end
$$;

comment on function stepgres._time_out_waits() is
'Ends the next 1,000 waits whose time is over, run by run, and returns the number of waits.';

create function stepgres._sweep_runs() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_begun timestamptz := clock_timestamp();
    v_sweep stepgres.sweeps;
    v_slice uuid[];
    v_is_full boolean;
    v_has_old_runs boolean;
    v_count int;
begin
    -- Read first: a tick without work writes nothing, and does not wait for the disk.
    select s.* into v_sweep from stepgres.sweeps as s;
    if v_sweep.swept_at > v_now - (
        case when v_sweep.position is null then interval '10 seconds' else interval '0' end
    ) then
        return 0;
    end if;
    v_slice := array(
        select a.run_id from stepgres.active_runs as a
        where a.run_id > coalesce(v_sweep.position, '00000000-0000-0000-0000-000000000000')
        order by a.run_id limit 2000
    );
    v_is_full := cardinality(v_slice) = 2000;
    perform stepgres._forget_events();
    perform stepgres._forget_signals();
    perform stepgres._add_up_counts();
    perform stepgres._tend_limits();

    -- The first look takes no locks, because most runs are in order. Runs that look wrong are
    -- checked again under their locks.
    v_count := stepgres._move_runs('_mend_runs', stepgres._try_lock_runs(array(
        select l.run_id from unnest(stepgres._find_lost_tickets(v_slice)) as l
        union
        select o.run_id from unnest(stepgres._find_overdue_tasks(v_slice)) as o
        union
        select w.run_id from stepgres._find_lost_workers(v_slice) as w
    )));
    v_has_old_runs := stepgres._retire_runs();
    -- A sweep through many runs takes a twentieth of the time of a processor, as long as it finds
    -- nothing to mend.
    insert into stepgres.sweeps as s (swept_at, position)
    values (
        v_now + case
            when v_is_full and v_count = 0 then 19 * (clock_timestamp() - v_begun)
            when v_has_old_runs then 4 * (clock_timestamp() - v_begun)
            else '0'
        end,
        -- old runs that are left do not wait for ten seconds: the next sweep begins earlier
        case
            when v_is_full then v_slice[2000]
            when v_has_old_runs then '00000000-0000-0000-0000-000000000000'
        end
    )
    on conflict (only_row) do update set swept_at = excluded.swept_at, position = excluded.position;
    -- The queues come last: a sender to a queue that is being closed waits for the end of this
    -- transaction.
    perform stepgres._tend_queues();
    return case when v_is_full and v_count > 0 then 2000 else 0 end + v_count;
end
$$;

comment on function stepgres._sweep_runs() is
'Mends lost tickets, overdue tasks and lost workers in the next 2,000 active runs.

Returns the number of tasks that it has moved, and 2,000 more if it should go on now, because there
are more runs to look at and these had lost tickets. When it has been through all active runs, it
begins again after ten seconds.';

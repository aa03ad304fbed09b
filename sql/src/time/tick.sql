create function stepgres.tick() returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker_ids text[];
    v_run_ids uuid[];
    v_count int;
begin
    -- Read first: a call without work writes nothing, and does not wait for the disk.
    if coalesce(stepgres.next_due() > v_now, true) and exists (select from stepgres.sweeps)
        and not exists (select from stepgres._closable_queues())
    then
        return 0;
    end if;
    -- One tick at a time is enough, and a second tick has nothing to wait for.
    perform 1 from stepgres.locks as l where l.name = 'tick' for update skip locked;
    if not found then
        return 0;
    end if;
    with dead as (
        delete from stepgres.workers as o
        where o.worker_id = any (array(
            select w.worker_id from stepgres.workers as w
            where w.heartbeat_at + w.lease <= v_now
            for update skip locked
        ))
        returning o.worker_id
    )
    select array_agg(d.worker_id) into v_worker_ids from dead as d;
    if v_worker_ids is not null then
        if stepgres._are_metrics_on() then
            insert into stepgres.metric_counts (leases_expired)
            values (cardinality(v_worker_ids));
        end if;
        v_run_ids := stepgres._lock_runs_of_workers(v_worker_ids);
        v_count := 0;
    else
        -- The start of a run may wait for locks of queues. So it comes before tick locks runs, and
        -- a tick that has waited for runs leaves the due times to the next tick.
        v_count := stepgres._fire_schedules();
    end if;
    v_count := v_count + stepgres._move_runs('_take_back_lost', v_run_ids)
        + stepgres._deliver_signals() + stepgres._resolve_children() + stepgres._cancel_children();
    perform stepgres._begin_held_runs();
    v_count := v_count + stepgres._fire_timers() + stepgres._time_out_waits()
        + stepgres._fail_faulty_entries() + stepgres._sweep_runs();
    -- Whoever holds keys of limits must not wait for runs.
    perform stepgres._prepare_lines(null, '{}', 0);
    -- The queues come last: a sender to a queue that is being closed waits for the end of this
    -- transaction.
    perform stepgres._close_queues();
    return v_count;
end
$$;

comment on function stepgres.tick() is
'Starts due runs of schedules, takes over from dead workers, delivers signals, and fires timers.

It deletes old runs as the option keep of their workflow says, some every ten seconds. Timers are
those of retries, delays and deadlines, and the timeouts of waits. A parent gets to know
the end of its child runs here, and the children of a parent that has ended are cancelled.

Any number of processes may call it at once, from anywhere: workers call it, and pg_cron or a psql
loop may. Returns the number of due times settled, and of tasks, signals and child runs moved. It
adds 2,000 if tickets were lost and there are runs left to look at, and returns at least 1,000 if
schedules have more due times, or if signals are left to compare with waits. If the result is 1,000
or more, call tick again at once: there is more to do.

A run that cannot be moved, because its values are more than PostgreSQL holds, fails with this
error and keeps no other run back.';

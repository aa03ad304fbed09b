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
    -- Read first: a call that has nothing to do writes nothing, and does not wait for the disk.
    if coalesce(stepgres.next_due() > v_now, true) and exists (select from stepgres.sweeps)
        and not exists (select from stepgres._closable_queues())
    then
        return 0;
    end if;
    -- one tick at a time is enough, and a second one has nothing to wait for
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
        v_run_ids := stepgres._lock_runs_of_workers(v_worker_ids);
    end if;
    v_count := stepgres._move_runs('_take_back_lost', v_run_ids) + stepgres._fire_timers()
        + stepgres._sweep_runs();
    -- last, because whoever sends to a queue that is being closed waits for the end of this transaction
    perform stepgres._close_queues();
    return v_count;
end
$$;

comment on function stepgres.tick() is
'Advances whatever is due: takes over from dead workers, queues tasks whose wait is over, replaces lost tickets.

Safe to call from anywhere, any number of times at once: workers call it, pg_cron may, a psql loop may. Returns the
number of tasks moved; 2,000 more if there are runs left in which to look for lost tickets. From 1,000 on, call it
again at once: there is more to do.

A run that cannot be moved, as what it puts out is more than PostgreSQL holds in a value, fails with that error and keeps
no other run back.';

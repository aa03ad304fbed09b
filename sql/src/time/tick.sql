create function stepgres.tick() returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker_ids text[];
begin
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
    return stepgres._take_over(v_worker_ids, is_dead => true)
        + stepgres._fire_timers() + stepgres._sweep_runs();
end
$$;

comment on function stepgres.tick() is
'Advances whatever is due: takes over from dead workers, queues tasks whose wait is over, replaces lost tickets.

Safe to call from anywhere, any number of times at once: workers call it, pg_cron may, a psql loop may. Returns the
number of tasks moved.';

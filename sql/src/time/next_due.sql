create function stepgres.next_due() returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- the plan is made once a session, perhaps while the tables are empty
set enable_seqscan = off
set jit = off
as $$
begin
    return least(
        (select nullif(min(t.due_at), 'infinity') from stepgres.timers as t),
        (
            select nullif(min(o.due_at), 'infinity') from stepgres.waits as o
            where o.resolved_at is null and o.due_at is not null
        ),
        (
            select case
                when exists (select from stepgres.signals as g where g.is_new)
                    or exists (select from stepgres.waits as n where n.is_new)
                    or exists (select from stepgres.child_changes as c)
                    or exists (
                        select from stepgres.line_entries as e
                        where e.line_id is null and not e.is_paused
                    )
                    or exists (select from stepgres.line_entries as e where e.fault is not null)
                    or exists (select from stepgres.freed_places as f)
                    then 'epoch'::timestamptz
            end
        ),
        (select min(f.due_at) from stepgres.failure_runs as f where f.due_at is not null),
        (select min(c.wakes_at) from stepgres.schedules as c where c.wakes_at is not null),
        (select min(k.opens_at) from stepgres.limit_keys as k where k.opens_at is not null),
        (select min(w.heartbeat_at + w.lease) from stepgres.workers as w),
        -- A sweep counts only when it is overdue: nobody needs to wake up for it, but a caller that
        -- asks is told.
        (
            select case
                when s.position is null then s.swept_at + interval '10 seconds'
                else s.swept_at
            end
            from stepgres.sweeps as s
            where s.position is not null or s.swept_at <= stepgres._now() - interval '10 seconds'
        )
    );
end
$$;

comment on function stepgres.next_due() is
'Returns when tick will next have something to do: at the next timer, due time, timeout or end of a
lease.

Returns null if there is nothing of this, and a time in the past if a signal was sent, if a child
run has ended, if a run with on_failure has failed, if a place under a limit was freed, or if a
search for lost tickets is overdue; tick searches every ten seconds. A process that only waits may
ask every ten seconds or so, and call tick only when this time has come.';

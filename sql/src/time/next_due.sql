create function stepgres.next_due() returns timestamptz
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select least(
        (select nullif(min(t.due_at), 'infinity') from stepgres.timers as t),
        (select min(w.heartbeat_at + w.lease) from stepgres.workers as w),
        -- not before it is over: nobody needs to wake up for it, and whoever asks anyway is told
        (
            select case when s.position is null then s.swept_at + interval '10 seconds' else s.swept_at end
            from stepgres.sweeps as s
            where s.position is not null or s.swept_at <= stepgres._now() - interval '10 seconds'
        )
    )
$$;

comment on function stepgres.next_due() is
'When a call of tick will next have something to do: the next timer or the end of a lease; null if there is neither.

In the past if a search for lost tickets is overdue, which tick makes every ten seconds: who has nothing better to do
may call tick only when this says so, and ask every ten seconds or so.';

create function stepgres.next_due() returns timestamptz
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select least(
        (select nullif(min(t.due_at), 'infinity') from stepgres.timers as t),
        (select min(w.heartbeat_at + w.lease) from stepgres.workers as w)
    )
$$;

comment on function stepgres.next_due() is
'When a call of tick will next have something to do: the next timer or the end of a lease; null if there is neither.';

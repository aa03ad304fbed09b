create function stepgres._set_start(run_ids uuid[], delay interval) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    insert into stepgres.timers (run_id, kind, due_at, remaining)
    select r.run_id, k.kind,
        case when r.paused_at is null then v_now + k.delay else 'infinity' end,
        case when r.paused_at is not null then k.delay end
    from stepgres.runs as r
    cross join lateral (
        values ('run_start', _set_start.delay), ('run_deadline', _set_start.delay + r.deadline)
    ) as k (kind, delay)
    where r.run_id = any (_set_start.run_ids) and k.delay is not null
    on conflict on constraint timers_pkey
    do update set due_at = excluded.due_at, remaining = excluded.remaining;
end
$$;

comment on function stepgres._set_start(uuid[], interval) is
'Lets locked runs that have not begun begin after a delay from now; their deadlines move along.';

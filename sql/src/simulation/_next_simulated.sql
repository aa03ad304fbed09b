create function stepgres._next_simulated(run_ids uuid[]) returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select least(
        (
            select nullif(min(t.due_at), 'infinity') from stepgres.timers as t
            where t.run_id = any (_next_simulated.run_ids)
        ),
        (
            select nullif(min(w.due_at), 'infinity') from stepgres.waits as w
            where w.run_id = any (_next_simulated.run_ids) and w.resolved_at is null
        ),
        (
            select min(k.opens_at) from stepgres.limit_keys as k
            where k.opens_at is not null and k.key like '% simulated'
        ),
        (
            select stepgres._now()
            where exists (
                select from stepgres.child_changes as c
                where c.run_id = any (_next_simulated.run_ids)
            ) or exists (
                select from stepgres.line_entries as e
                where e.run_id = any (_next_simulated.run_ids)
                    and (e.fault is not null or (e.line_id is null and not e.is_paused))
            ) or exists (select from stepgres.freed_places as f where f.key like '% simulated')
        )
    )
$$;

comment on function stepgres._next_simulated(uuid[]) is
'Returns when something is due next in simulated runs; null if nothing is.';

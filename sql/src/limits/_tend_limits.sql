create function stepgres._tend_limits() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if not exists (select from stepgres.limit_keys) then
        return;
    end if;
    -- No place is forgotten by a routine that ends a task; this mends what a hand has changed.
    with stale as (
        delete from stepgres.places as p
        where p.ctid = any (array(
            select o.ctid
            from stepgres.places as o
            left join stepgres.runs as r on r.run_id = o.run_id
            left join stepgres.tasks as t
                on (t.run_id, t.step_slug, t.task_index) = (o.run_id, o.step_slug, o.task_index)
            where r.status is distinct from 'started' or (
                o.step_slug <> '' and (t.status, t.claim) is distinct from ('started', o.claim)
            )
            limit 1000
            for update of o skip locked
        ))
        returning p.limit_slug, p.key, p.lent_by
    )
    insert into stepgres.freed_places (limit_slug, key, lent_by)
    select distinct s.limit_slug, s.key, s.lent_by from stale as s;
    -- Keys that are not in use go. A line that stands at one key needs its other keys later.
    delete from stepgres.limit_keys as k
    where (k.limit_slug, k.key) in (
        select o.limit_slug, o.key from stepgres.limit_keys as o
        where o.opens_at is null and coalesce(o.next_at <= v_now, true)
            and not exists (
                select from stepgres.places as p where (p.limit_slug, p.key) = (o.limit_slug, o.key)
            )
            and not exists (
                select from stepgres.lines as l where (l.at_limit, l.at_key) = (o.limit_slug, o.key)
            )
            and o.limit_slug <> all (array(
                select distinct u.limit_slug
                from stepgres.lines as l
                cross join lateral unnest(l.limit_slugs) as u (limit_slug)
                where cardinality(l.limit_slugs) > 1
            ))
        limit 10000
        for update skip locked
    );
end
$$;

comment on function stepgres._tend_limits() is
'Deletes keys of limits that are not in use, and places that nothing holds.';

create function stepgres._cancel_oldest(places stepgres._line_place[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._note_cancellations(
        array_agg(distinct p.run_id), 'a later run has taken its place'
    )
    from unnest(_cancel_oldest.places) as n
    join stepgres.lines as l
        on (l.at_limit, l.at_key, l.served_by) = (n.limit_slug, n.key, stepgres._run_lines())
            and l.at_lender is not distinct from n.lent_by
    join stepgres.workflow_versions as w
        on (w.workflow_slug, w.version) = (l.workflow_slug, l.version)
            and w.on_limit = 'cancel_oldest'
    join stepgres.limits as m on m.limit_slug = n.limit_slug
    cross join lateral (
        select o.* from stepgres.limit_keys as o
        where (o.limit_slug, o.key) = (n.limit_slug, n.key)
        offset 0
    ) as k
    cross join lateral stepgres._room(m, k, n.lent_by, stepgres._now()) as r
    cross join lateral (
        select o.run_id from stepgres.places as o
        where (o.limit_slug, o.key) = (n.limit_slug, n.key) and o.step_slug = '' and o.weight > 0
            and o.lent_by is not distinct from n.lent_by
        order by o.taken_at, o.run_id
        limit 1
    ) as p
    -- Whoever waits for the rate, or will be let in with the next look, takes no place away.
    where stepgres._needs_of(l) is not null and r.places < case
        when n.lent_by is null then least(stepgres._needs_of(l), m.max_running) else 1
    end;
end
$$;

comment on function stepgres._cancel_oldest(stepgres._line_place[]) is
'Notes the runs that have held places longest for tick, if runs with on_limit = cancel_oldest stand
there: tick cancels them.';

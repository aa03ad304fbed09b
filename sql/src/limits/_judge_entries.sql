create function stepgres._judge_entries(picked stepgres._picked_entry[], room int)
returns stepgres._verdict
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- A round robin over the fair groups, and in a group by arrival. The entries of runs that have
    -- ended or are paused meanwhile are left out.
    with ranked as (
        select p.*, row_number() over (
            partition by (p.line).fair_group order by p.entry_id
        ) as rank
        from unnest(_judge_entries.picked) as p
        join stepgres.runs as r
            on r.run_id = p.run_id and r.status = 'started' and r.paused_at is null
        where p.step_slug = '' or p.row_id is not null
    ),
    ordered as materialized (
        select k.*, row_number() over (order by k.rank, (k.line).turn, k.entry_id) as place
        from ranked as k
    ),
    uses as materialized (
        select o.place, t.*
        from stepgres._takes_of(_judge_entries.picked) as t
        join ordered as o on o.entry_id = t.entry_id
    ),
    rooms as materialized (
        select u.limit_slug, u.key, u.lent_by, r.places, r.units
        from (select distinct limit_slug, key, lent_by from uses) as u
        join stepgres.limits as l on l.limit_slug = u.limit_slug
        cross join lateral (
            select o.* from stepgres.limit_keys as o
            where (o.limit_slug, o.key) = (u.limit_slug, u.key)
            offset 0
        ) as k
        cross join lateral stepgres._room(
            l, k, u.lent_by, stepgres._now()
        ) as r
    ),
    summed as (
        select u.*, r.places as free_places, r.units as free_units,
            sum(u.places) over (
                partition by u.limit_slug, u.key, u.lent_by order by u.place
            ) as all_places,
            sum(u.units) over (partition by u.limit_slug, u.key order by u.place) as all_units
        from uses as u
        join rooms as r
            on (r.limit_slug, r.key) = (u.limit_slug, u.key)
                and r.lent_by is not distinct from u.lent_by
    ),
    fitting as materialized (
        select o.entry_id, o.place
        from ordered as o
        where not exists (
            select from summed as s
            where s.entry_id = o.entry_id
                and (s.all_places > s.free_places or s.all_units > s.free_units)
        )
        order by o.place
        limit _judge_entries.room
    ),
    -- The sums count those that another limit holds up, so a line may go on at the next look. A
    -- line is held up where the room that is left is too small.
    left_over as (
        select s.*,
            s.free_places - coalesce(sum(s.places) filter (where f.entry_id is not null) over (
                partition by s.limit_slug, s.key, s.lent_by
            ), 0) as left_places,
            s.free_units - coalesce(sum(s.units) filter (where f.entry_id is not null) over (
                partition by s.limit_slug, s.key
            ), 0) as left_units,
            f.entry_id is not null as fits
        from summed as s
        left join fitting as f on f.entry_id = s.entry_id
    ),
    held_up as (
        select distinct on (l.line_id) l.*
        from left_over as l
        where not l.fits and l.place = (
            select min(o.place) from left_over as o
            where o.line_id = l.line_id and not o.fits
        ) and (l.places > l.left_places or l.units > l.left_units)
        order by l.line_id, l.number
    )
    select (
        (
            select array_agg((
                o.line, o.entry_id, o.run_id, o.step_slug, o.task_index, o.weights, o.row_id
            )::stepgres._picked_entry order by o.place)
            from ordered as o join fitting as f on f.entry_id = o.entry_id
        ),
        (
            select array_agg((
                h.line_id, (h.limit_slug, h.key, h.lent_by)::stepgres._line_place,
                greatest(h.places, h.units)
            )::stepgres._held_up_line)
            from held_up as h
        )
    )::stepgres._verdict
$$;

comment on function stepgres._judge_entries(stepgres._picked_entry[], int) is
'Says which of the locked entries all of their limits let in, at most so many, and which lines are
held up by a key without room. The caller has locked the keys.';

create function stepgres._take_places(admitted stepgres._picked_entry[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if admitted is null then
        return;
    end if;
    with uses as materialized (
        select t.* from stepgres._takes_of(_take_places.admitted) as t
    ),
    placed as (
        insert into stepgres.places (
            run_id, step_slug, task_index, limit_slug, key, weight, lent_by, claim, taken_at
        )
        select u.run_id, u.step_slug, u.task_index, u.limit_slug, u.key, u.places, u.lent_by,
            t.claim + 1, v_now
        from uses as u
        left join stepgres.tasks as t on t.ctid = u.row_id
        -- a run that has been let in has places, whatever its limits are
        where u.places > 0 or u.step_slug = ''
    )
    -- Units that come late by less than the time of one unit come in the place of those that were
    -- due: else each start would be late by the time that a worker needs to wake up.
    update stepgres.limit_keys as k
    set next_at = case
        when k.next_at > v_now - r.unit and k.next_at <= v_now + r.unit * r.burst then k.next_at
        else v_now
    end + r.unit * r.units
    from (
        select u.limit_slug, u.key, sum(u.units) as units, l.per / l.rate as unit, l.burst
        from uses as u
        join stepgres.limits as l on l.limit_slug = u.limit_slug
        where u.units > 0
        group by u.limit_slug, u.key, l.per, l.rate, l.burst
    ) as r
    where (k.limit_slug, k.key) = (r.limit_slug, r.key);
    delete from stepgres.line_entries as e
    using unnest(_take_places.admitted) as a
    where e.run_id = any (array[a.run_id])
        and (e.step_slug, e.task_index) = (a.step_slug, a.task_index);
end
$$;

comment on function stepgres._take_places(stepgres._picked_entry[]) is
'Gives entries their places and units, and takes them out of their lines.

The rate is kept by the generic cell rate algorithm (ITU-T I.371).';

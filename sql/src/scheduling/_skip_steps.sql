create function stepgres._skip_steps(skips stepgres._skip[]) returns stepgres._step_key[]
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_skipped stepgres._step_key[];
begin
    -- union instead of union all visits each dependent once, however many paths lead to it.
    with recursive affected as (
        select k.run_id, k.step_slug, r.workflow_slug, r.version
        from unnest(_skip_steps.skips) as k
        join stepgres.runs as r on r.run_id = k.run_id
        where k.is_cascade
        union
        select a.run_id, d.step_slug, a.workflow_slug, a.version
        from affected as a
        join stepgres.dependencies as d
            on (d.workflow_slug, d.version, d.depends_on)
                = (a.workflow_slug, a.version, a.step_slug)
    ),
    named as (
        select distinct on (n.run_id, n.step_slug) n.*
        from (
            select k.run_id, k.step_slug, k.skip_reason, k.error, 1 as rank
            from unnest(_skip_steps.skips) as k
            union all
            select a.run_id, a.step_slug, 'dependency_skipped', null, 2 from affected as a
        ) as n
        order by n.run_id, n.step_slug, n.rank
    ),
    skipped as (
        update stepgres.step_states as t
        set status = 'skipped', finished_at = v_now, skip_reason = n.skip_reason, error = n.error
        from named as n
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        where t.run_id = n.run_id and t.step_slug = n.step_slug
            and t.status in ('created', 'started')
        returning t.run_id, t.step_slug
    )
    select array_agg((s.run_id, s.step_slug)::stepgres._step_key) into v_skipped from skipped as s;

    -- Only a cascade skips steps before all of their dependencies have finished. Dependencies that
    -- lose their last unfinished dependent in this way become ends.
    with opened as (
        update stepgres.step_states as t
        set is_end = true
        from (
            select distinct r.run_id, r.workflow_slug, r.version, d.depends_on
            from (
                select distinct u.run_id from unnest(_skip_steps.skips) as u where u.is_cascade
            ) as k
            join stepgres.runs as r on r.run_id = k.run_id
            join unnest(v_skipped) as s on s.run_id = k.run_id
            join stepgres.dependencies as d
                on (d.workflow_slug, d.version, d.step_slug)
                    = (r.workflow_slug, r.version, s.step_slug)
        ) as o
        where t.run_id = o.run_id and t.step_slug = o.depends_on and t.finished_at is null
            and not t.is_end
            and stepgres._is_end(t.run_id, o.workflow_slug, o.version, t.step_slug)
        returning t.run_id
    )
    update stepgres.runs as r
    set remaining_ends = r.remaining_ends + o.ends
    from (select p.run_id, count(*) as ends from opened as p group by p.run_id) as o
    where r.run_id = o.run_id;
    return v_skipped;
end
$$;

comment on function stepgres._skip_steps(stepgres._skip[]) is
'Skips steps, and with is_cascade all their direct and indirect dependents; returns all of these.';

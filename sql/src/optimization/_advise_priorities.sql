create function stepgres._advise_priorities(
    source stepgres.workflow_versions, statistics stepgres.step_statistics[]
) returns setof stepgres._advice
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_left stepgres._time_left[] := array(
        select l from stepgres._times_left(source, statistics) as l
    );
begin
    -- This is list scheduling by the longest path that is left, the upward rank of HEFT (Topcuoglu,
    -- Hariri and Wu, 2002). But a step is compared only with steps that can run at the same time.
    -- So a chain without rivals keeps its priority to its end, and the last steps of old runs do
    -- not wait for the first steps of new runs. There are three levels, since each level is a queue
    -- that workers look into.
    return query
    with levels as (
        select l.*, case
            -- so small a difference does not justify another queue
            when l.seconds + 0.1 >= coalesce(l.rival_seconds, 0) then 2
            else floor(3 * l.seconds / l.rival_seconds)::int
        end as level
        from unnest(v_left) as l
    )
    select l.step_slug, 'priority', to_jsonb(s.priority + l.level - m.lowest), format(
        'the longest path from its start to the end takes %s%s',
        stepgres._duration_text(make_interval(secs => l.seconds)),
        ', and from the start of "' || l.rival || '", which can run at the same time, '
        || stepgres._duration_text(make_interval(secs => l.rival_seconds))
    )
    from levels as l
    cross join (select min(o.level) as lowest from levels as o) as m
    join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (source.workflow_slug, source.version, l.step_slug)
    where l.level > m.lowest and s.priority + l.level - m.lowest <= 100;
end
$$;

comment on function stepgres._advise_priorities(
    stepgres.workflow_versions, stepgres.step_statistics[]
) is
'Raises, by at most 2, the priority of steps that have a longer path left than their rivals.

The rivals of a step are the steps that can run at the same time.';

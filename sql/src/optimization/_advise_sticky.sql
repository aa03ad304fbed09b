create function stepgres._advise_sticky(
    source stepgres.workflow_versions, statistics stepgres.step_statistics[]
) returns setof stepgres._advice
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- At most a tenth of a second: a sticky task goes ahead of others, and must not delay them for
    -- longer.
    with short as (
        select s.*, k.p99_duration, k.tasks
        from stepgres.steps as s
        join unnest(statistics) as k on k.step_slug = s.step_slug
        where (s.workflow_slug, s.version) = (source.workflow_slug, source.version)
            and s.execution = 'distributed' and not s.map
            and k.p99_duration <= interval '0.1 seconds'
    ),
    edges as (
        select d.step_slug, d.depends_on, count(*) over (partition by d.depends_on) as dependents
        from stepgres.dependencies as d
        where (d.workflow_slug, d.version) = (source.workflow_slug, source.version)
    )
    select s.step_slug, 'sticky', to_jsonb(true), format(
        'it follows "%s" alone, and 99 of 100 tasks took at most %s, of that step %s',
        p.step_slug, stepgres._duration_text(s.p99_duration),
        stepgres._duration_text(p.p99_duration)
    )
    from short as s
    join edges as e on e.step_slug = s.step_slug and e.dependents = 1
    join short as p on p.step_slug = e.depends_on
        and (p.queue, p.resources) = (s.queue, s.resources)
    where s.dependency_count = 1 and s.is_direct and not s.sticky
$$;

comment on function stepgres._advise_sticky(
    stepgres.workflow_versions, stepgres.step_statistics[]
) is
'Advises to keep chains of short steps on one worker.';

create function stepgres._advise_attempts(
    source stepgres.workflow_versions, statistics stepgres.step_statistics[]
) returns setof stepgres._advice
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- The share of exhausted tasks is the share that fails at first, times the share of retries
    -- that fail, once for each retry. With enough attempts this is one task of a thousand. Retries
    -- that hardly ever help only cost time.
    with rates as (
        select s.step_slug, s.max_attempts::int as defined, k.tasks, k.retries, k.recovered,
            k.exhausted,
            (k.recovered + k.exhausted)::float8 / k.tasks as first_failed,
            1 - k.recovered::float8 / k.retries as retry_failed
        from stepgres.steps as s
        join unnest(statistics) as k on k.step_slug = s.step_slug
        where (s.workflow_slug, s.version) = (source.workflow_slug, source.version)
            and k.recovered > 0 and k.retries > 0
    ),
    needed as (
        select r.*, least(10, case
            when r.retry_failed = 0 then 2
            else 1 + ceil(ln(0.001 / r.first_failed) / ln(r.retry_failed))
        end)::int as attempts
        from rates as r
        where r.retry_failed <= 0.8 and r.first_failed > 0.001
    )
    select n.step_slug, 'max_attempts', to_jsonb(n.attempts), format(
        'of %s tasks %s failed at first, and %s of %s retries helped; %s tasks were exhausted',
        n.tasks, n.recovered + n.exhausted, n.recovered, n.retries, n.exhausted
    )
    from needed as n
    where n.attempts > n.defined
$$;

comment on function stepgres._advise_attempts(
    stepgres.workflow_versions, stepgres.step_statistics[]
) is
'Advises more attempts, 10 at most, for steps whose retries have helped.

The advice has as many attempts as exhaust one task of a thousand.';

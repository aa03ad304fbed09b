create function stepgres._apply_optimizations(version stepgres.workflow_versions) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._ensure_queue(s.queue, (o.value ->> 'priority')::int, s.resources)
    from jsonb_each(version.optimizations) as o
    join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (version.workflow_slug, version.version, o.key)
    where o.value ? 'priority';
    update stepgres.steps as s
    set timeout = coalesce(stepgres._seconds(o.value -> 'timeout'), s.timeout),
        max_attempts = coalesce((o.value ->> 'max_attempts')::int, s.max_attempts),
        priority = coalesce((o.value ->> 'priority')::int, s.priority),
        sticky = coalesce((o.value ->> 'sticky')::boolean, s.sticky)
    from jsonb_each(version.optimizations) as o
    where (s.workflow_slug, s.version, s.step_slug)
        = (version.workflow_slug, version.version, o.key);
    update stepgres.workflow_versions as w
    set fingerprint = version.fingerprint, optimized_from = version.optimized_from,
        optimizations = version.optimizations,
        max_parallel = coalesce(
            (version.optimizations -> '' ->> 'max_parallel')::int, w.max_parallel
        )
    where (w.workflow_slug, w.version) = (version.workflow_slug, version.version);
end
$$;

comment on function stepgres._apply_optimizations(stepgres.workflow_versions) is
'Gives the steps of a version the options of its optimizations; no run uses the version yet.';

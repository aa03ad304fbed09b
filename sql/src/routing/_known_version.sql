create function stepgres._known_version(knows jsonb, workflow_slug text) returns int
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(w.optimized_from, w.version)
    from stepgres.workflow_versions as w
    where w.workflow_slug = _known_version.workflow_slug
        and w.version = (knows -> 'workflows' ->> _known_version.workflow_slug)::int
$$;

comment on function stepgres._known_version(jsonb, text) is
'Returns the version of a workflow, as defined, whose code a worker has; null without such code.';

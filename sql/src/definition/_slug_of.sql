create function stepgres._slug_of(workflow text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select w.workflow_slug from stepgres.workflows as w
            where w.workflow_slug = _slug_of.workflow
        ),
        lower(
            regexp_replace(
                substring(_slug_of.workflow from '[^.:]*$'),
                '(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', 'g'
            ) collate "C"
        )
    )
$$;

comment on function stepgres._slug_of(text) is
'Returns the slug of a workflow that is named by its slug or, as myapp.OrderLines, by its class.';

create function stepgres._workflow_options() returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._inherited_options()
        || '{"deadline": "number", "events": "string", "max_parallel": "integer",
            "limits": "array", "on_limit": "string", "on_failure": "string"}'
$$;

comment on function stepgres._workflow_options() is
'Returns the options of workflows, including those of _inherited_options, with their JSON types.';

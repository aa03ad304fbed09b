create function stepgres._inherited_options() returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select '{"max_attempts": "integer", "base_delay": "number", "timeout": "number",
        "execution": "string", "queue": "string", "priority": "integer", "resources": "object",
        "when_unmet": "string", "when_exhausted": "string"}'::jsonb
$$;

comment on function stepgres._inherited_options() is
'Returns the options that steps inherit from their workflow, with their JSON types.';

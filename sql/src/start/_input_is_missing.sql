create function stepgres._input_is_missing(workflow_slug text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'a run of workflow "%" needs an input', workflow_slug
        using errcode = 'SG003', hint = 'Pass any JSON value; ''null''::jsonb is one.';
end
$$;

comment on function stepgres._input_is_missing(text) is
'Raises SG003: a start has no input.';

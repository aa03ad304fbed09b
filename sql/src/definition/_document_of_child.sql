create function stepgres._document_of_child(step stepgres.steps) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- As in _document_of_wait: all other documents stay as they are.
    return case when step.child is null then '{}' else step.child || '{"timeout": null}' end;
end
$$;

comment on function stepgres._document_of_child(stepgres.steps) is
'Returns the options of a step whose body is a child run, as the document of a workflow has them.';

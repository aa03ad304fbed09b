create function stepgres._find_bad_inputs(
    workflow_slug text, version int, run_ids uuid[], inputs jsonb[]
) returns table (run_id uuid, error text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    begin
        perform stepgres._check_inputs(
            _find_bad_inputs.workflow_slug, _find_bad_inputs.version, inputs
        );
        return;
    exception when sqlstate 'SG003' then
        null; -- which of them, is found below
    end;
    for i in 1 .. cardinality(inputs) loop
        begin
            perform stepgres._check_inputs(
                _find_bad_inputs.workflow_slug, _find_bad_inputs.version, inputs[i:i]
            );
        exception when sqlstate 'SG003' then
            run_id := run_ids[i];
            error := sqlerrm;
            return next;
        end;
    end loop;
end
$$;

comment on function stepgres._find_bad_inputs(text, int, uuid[], jsonb[]) is
'Returns the runs whose inputs the workflow cannot take, each with the error.';

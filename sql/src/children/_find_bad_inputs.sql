create function stepgres._find_bad_inputs(
    workflow_slug text, version int, run_ids uuid[], inputs jsonb[], out bad uuid[], out error text
)
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
        error := sqlerrm;
    end;
    for i in 1 .. cardinality(inputs) loop
        begin
            perform stepgres._check_inputs(
                _find_bad_inputs.workflow_slug, _find_bad_inputs.version, inputs[i:i]
            );
        exception when sqlstate 'SG003' then
            bad := bad || run_ids[i];
        end;
    end loop;
end
$$;

comment on function stepgres._find_bad_inputs(text, int, uuid[], jsonb[]) is
'Returns the runs whose inputs the workflow cannot take, and the error; null if it takes all.';

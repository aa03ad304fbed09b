create function stepgres._check_inputs(workflow_slug text, version int, inputs jsonb[]) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_map text;
    v_type text;
begin
    select s.step_slug into v_map
    from stepgres.steps as s
    where (s.workflow_slug, s.version) = (_check_inputs.workflow_slug, _check_inputs.version)
        and s.map and s.dependency_count = 0 and s.initial_tasks is null
    limit 1;
    if not found then
        return;
    end if;
    select jsonb_typeof(i) into v_type from unnest(inputs) as i
    where jsonb_typeof(i) <> 'array' limit 1;
    if found then
        raise exception
            'step "%" of workflow "%" maps over the run input, which must be an array, not %',
            v_map, workflow_slug, v_type
            using errcode = 'SG003', hint = 'Pass a JSON array as input; an empty one is fine.';
    end if;
end
$$;

comment on function stepgres._check_inputs(text, int, jsonb[]) is
'Raises SG003 for an input that the root steps of the workflow cannot take.';

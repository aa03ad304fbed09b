create function stepgres._start_child_runs(
    parent_run_id uuid, step_slug text, workflow_slug text, version int, child_run_ids uuid[],
    inputs jsonb[], retried_from uuid[]
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_child stepgres.runs := stepgres._child_like(
        _start_child_runs.parent_run_id, _start_child_runs.step_slug
    );
    v_version stepgres.workflow_versions;
    v_ids uuid[];
    v_inputs jsonb[];
    v_bad record;
    v_bad_ids uuid[];
begin
    perform set_config('stepgres.is_starting_children', 'on', true);
    if retried_from is not null then
        perform stepgres._retry_runs(
            _start_child_runs.retried_from, true, null, v_child, _start_child_runs.child_run_ids
        );
    else
        begin
            if v_child.depth > 50 then
                raise exception 'a child of run % would be more than 50 levels deep',
                    _start_child_runs.parent_run_id
                    using errcode = 'SG003',
                        hint = 'A workflow that starts itself needs a condition that ends this.';
            end if;
            v_version := stepgres._use_version(
                _start_child_runs.workflow_slug, _start_child_runs.version
            );
        exception when sqlstate 'SG001' or sqlstate 'SG002' or sqlstate 'SG003' then
            perform stepgres._note_ends(_start_child_runs.child_run_ids, sqlerrm);
            perform set_config('stepgres.is_starting_children', 'off', true);
            return;
        end;
        v_child.workflow_slug := v_version.workflow_slug;
        v_child.version := v_version.version;
        v_child.is_limited := stepgres._is_limited(v_version);
        -- Two workflows that are on_failure of each other would start runs without end.
        v_child.on_failure := case when v_child.failure_of is null then v_version.on_failure end;
        v_child.deadline := stepgres._child_deadline(v_child);
        for v_bad in
            select array_agg(b.run_id) as run_ids, b.error
            from stepgres._find_bad_inputs(
                v_child.workflow_slug, v_child.version, _start_child_runs.child_run_ids,
                _start_child_runs.inputs
            ) as b
            group by b.error
        loop
            perform stepgres._note_ends(v_bad.run_ids, v_bad.error);
            v_bad_ids := v_bad_ids || v_bad.run_ids;
        end loop;
        select array_agg(n.run_id order by n.place), array_agg(n.input order by n.place)
        into v_ids, v_inputs
        from unnest(_start_child_runs.child_run_ids, _start_child_runs.inputs)
            with ordinality as n (run_id, input, place)
        where (n.run_id = any (v_bad_ids)) is not true;
        if v_ids is not null then
            perform stepgres._start_runs(v_ids, v_inputs, v_child);
        end if;
    end if;
    perform set_config('stepgres.is_starting_children', 'off', true);
end
$$;

comment on function stepgres._start_child_runs(uuid, text, text, int, uuid[], jsonb[], uuid[]) is
'Starts the children of a step, whose waits are open; or continues the failed runs retried_from.

A child that cannot start is noted as ended, with the error.';

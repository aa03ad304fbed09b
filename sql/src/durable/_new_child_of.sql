create function stepgres._new_child_of(operation stepgres._operation) returns stepgres._new_child
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wait jsonb := operation.wait;
    v_new stepgres._new_child;
begin
    if (length(v_wait ->> 'workflow') > 0) is not true or not v_wait ? 'input' then
        raise exception 'step "%", "%": a child has a workflow and an input',
            operation.step_slug, operation.name
            using errcode = 'SG003', hint = 'See the comment on stepgres.save_checkpoints.';
    end if;
    v_new.run_id := operation.run_id;
    v_new.step_slug := operation.step_slug;
    v_new.task_index := operation.task_index;
    v_new.name := operation.name;
    v_new.number := operation.number;
    v_new.is_gathered := coalesce((v_wait ->> 'is_gathered')::boolean, false);
    v_new.is_detached := coalesce((v_wait ->> 'is_detached')::boolean, false);
    v_new.workflow_slug := v_wait ->> 'workflow';
    v_new.version := (v_wait ->> 'version')::int;
    v_new.input := v_wait -> 'input';
    -- The body of a retried run goes on where its child has failed.
    select w.child_run_id into v_new.retried_from
    from stepgres.runs as r
    cross join lateral (
        select o.child_run_id, o.outcome from stepgres.waits as o
        where (o.run_id, o.step_slug, o.task_index, o.name, o.number) = (
            r.retried_from, operation.step_slug, operation.task_index, operation.name,
            operation.number
        )
        offset 0
    ) as w
    where r.run_id = operation.run_id and w.outcome in ('failed', 'cancelled');
    return v_new;
exception when data_exception then
    raise exception 'step "%", "%": a field of the child has the wrong type: %',
        operation.step_slug, operation.name, sqlerrm
        using errcode = 'SG003', hint = 'See the comment on stepgres.save_checkpoints.';
end
$$;

comment on function stepgres._new_child_of(stepgres._operation) is
'Reads a wait of save_checkpoints for a child run; raises SG003.';

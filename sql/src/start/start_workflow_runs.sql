create function stepgres.start_workflow_runs(
    workflow_slug text,
    inputs jsonb,
    version int default null,
    executor_id text default null,
    priority int default null,
    delay interval default null,
    deadline interval default null,
    tags text[] default null,
    parent_run_id uuid default null,
    traceparent text default null
) returns setof uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._new_run(
        start_workflow_runs.workflow_slug, start_workflow_runs.version,
        start_workflow_runs.executor_id,
        start_workflow_runs.priority, start_workflow_runs.delay, start_workflow_runs.deadline,
        start_workflow_runs.tags, start_workflow_runs.parent_run_id,
        start_workflow_runs.traceparent
    );
    v_inputs jsonb[];
    v_run_ids uuid[];
begin
    if jsonb_typeof(inputs) is distinct from 'array' then
        raise exception 'inputs must be a JSON array, not %', coalesce(jsonb_typeof(inputs), 'null')
            using errcode = 'SG003', hint = 'Pass one element per run.';
    end if;
    v_inputs := array(select jsonb_array_elements(inputs));
    v_run_ids := stepgres._new_run_ids(cardinality(v_inputs));
    perform stepgres._start_runs(
        v_run_ids, v_inputs, v_run, nullif(start_workflow_runs.delay, interval '0')
    );
    return query select unnest(v_run_ids);
end
$$;

comment on function stepgres.start_workflow_runs(
    text, jsonb, int, text, int, interval, interval, text[], uuid, text
) is
'Starts one run per element of inputs, all or none, and returns their ids in the same order.

The other arguments are the arguments of start_workflow_run, and hold for all runs.

Errors: as start_workflow_run.';

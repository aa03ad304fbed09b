create function stepgres._new_run(
    workflow_slug text,
    version int,
    executor_id text,
    priority int,
    delay interval,
    deadline interval,
    tags text[],
    parent_run_id uuid,
    traceparent text default null
) returns stepgres.runs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._use_version(
        _new_run.workflow_slug, _new_run.version
    );
    v_run stepgres.runs;
begin
    v_run.workflow_slug := v_version.workflow_slug;
    v_run.version := v_version.version;
    v_run.is_limited := stepgres._is_limited(v_version);
    v_run.on_failure := v_version.on_failure;
    v_run.executor_id := _new_run.executor_id;
    v_run.priority := _new_run.priority;
    v_run.tags := _new_run.tags;
    v_run.deadline := coalesce(_new_run.deadline, v_version.deadline);
    v_run.parent_run_id := _new_run.parent_run_id;
    v_run.traceparent := _new_run.traceparent;
    perform stepgres._check_start(v_run, _new_run.delay);
    return v_run;
end
$$;

comment on function stepgres._new_run(
    text, int, text, int, interval, interval, text[], uuid, text
) is
'Returns the options that runs share which are started together, for _start_runs.

Raises the errors of _use_version and _check_start.';

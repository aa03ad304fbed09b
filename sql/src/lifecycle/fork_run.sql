create function stepgres.fork_run(
    run_id uuid,
    from_steps text[],
    input jsonb default null,
    outputs jsonb default null,
    version int default null,
    keep_checkpoints boolean default false
) returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_new_id uuid := (stepgres._new_run_ids(1))[1];
    v_source stepgres.runs;
    v_run stepgres.runs;
    v_version stepgres.workflow_versions;
    v_fresh text[];
begin
    perform stepgres._lock_with_parents(array[fork_run.run_id]);
    v_source := stepgres._find_run(fork_run.run_id);
    perform stepgres._refuse_without_payloads(v_source);
    v_run.workflow_slug := v_source.workflow_slug;
    v_run.version := coalesce(fork_run.version, v_source.version);
    v_run.is_limited := v_source.is_limited;
    v_run.on_failure := v_source.on_failure;
    v_run.failure_of := v_source.failure_of;
    if v_run.version <> v_source.version then
        v_version := stepgres._use_version(v_run.workflow_slug, v_run.version);
        v_run.is_limited := stepgres._is_limited(v_version);
        v_run.on_failure := case when v_run.failure_of is null then v_version.on_failure end;
    end if;
    v_run.priority := v_source.priority;
    v_run.tags := v_source.tags;
    v_run.traceparent := v_source.traceparent;
    v_run.deadline := v_source.deadline;
    v_run.task_graph_id := v_source.task_graph_id;
    v_run.forked_from := v_source.run_id;
    v_run.unique_key := v_source.unique_key;
    select a.run_id into v_run.parent_run_id
    from stepgres.active_runs as a where a.run_id = v_source.parent_run_id;
    perform stepgres._check_start(v_run);
    v_run.run_id := v_new_id;
    perform stepgres._keep_key(v_run);

    v_fresh := stepgres._steps_from(v_run.workflow_slug, v_run.version, fork_run.from_steps);
    perform stepgres._check_outputs(v_source.run_id, v_run.version, v_fresh, fork_run.outputs);
    perform stepgres._start_runs(
        array[v_new_id], array[coalesce(fork_run.input, v_source.input)], v_run, interval '0'
    );
    perform stepgres._copy_runs(array[(
        v_new_id, v_source.run_id, v_fresh,
        case
            when keep_checkpoints then array(
                select f from unnest(v_fresh) as f where f <> all (fork_run.from_steps)
            )
            else v_fresh
        end,
        fork_run.outputs
    )::stepgres._run_copy]);
    return v_new_id;
end
$$;

comment on function stepgres.fork_run(uuid, text[], jsonb, jsonb, int, boolean) is
'Starts a new run that begins anew at some steps of any run, and returns the new run_id.

The steps in from_steps and all steps behind them execute again. Other completed and skipped steps
are copied with their outputs, and steps that have not finished go on as in retry_failed_workflow.
forked_from of the new run is the run_id of the old run, which goes on if it is active.

input is the input of the new run; null: that of the old run. outputs replaces outputs of copied
steps: {"step": output}; the output of a map is an array of as many elements as the map has tasks.
version is the version of the new run; null: that of the old run. A copied step is in both versions,
a map in both or in neither. keep_checkpoints: durable steps in from_steps keep their checkpoints.
The new run takes over the unique_key of the old run, which therefore must have ended.

Errors: SG002 unknown version, SG003 an unknown step, no step, or bad outputs, SG005 unknown run,
SG038 an active run has the unique_key, SG040 the payloads of the run were deleted.';

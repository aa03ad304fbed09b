create function stepgres._start_run(prototype stepgres.runs, delay interval default null) returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._use_version(prototype.workflow_slug, prototype.version);
    v_run stepgres.runs := _start_run.prototype;
    v_run_id uuid := coalesce(prototype.run_id, stepgres._new_run_id());
begin
    perform stepgres._check_inputs(v_version.workflow_slug, v_version.version, array[v_run.input]);
    v_run.version := v_version.version;
    v_run.deadline := coalesce(v_run.deadline, v_version.deadline);
    perform stepgres._check_start(v_run, _start_run.delay);
    if stepgres._start_runs(
        array[v_run_id], array[v_run.input], v_run, nullif(_start_run.delay, interval '0')
    ) is not null then
        return v_run_id;
    end if;
    select r.run_id into v_run_id from stepgres.runs as r
    where r.workflow_slug = v_run.workflow_slug and r.idempotency_key = v_run.idempotency_key;
    if not found then
        raise exception 'run % already exists', prototype.run_id
            using errcode = 'SG009', hint = 'Leave run_id out, or use an idempotency_key to start a run at most once.';
    end if;
    return v_run_id;
end
$$;

comment on function stepgres._start_run(stepgres.runs, interval) is
'Starts a run like the prototype, and returns its run_id, or that of the run which was started with its key before.

The version, run_id and deadline may be null: those of the workflow, and a new id, take their places.';

create function stepgres._start_run(prototype stepgres.runs, delay interval) returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_id uuid := coalesce(prototype.run_id, (stepgres._new_run_ids(1))[1]);
begin
    if prototype.idempotency_key is not null then
        perform stepgres._check_labels(prototype.idempotency_key, null);
    end if;
    if stepgres._start_runs(
        array[v_run_id], array[prototype.input], _start_run.prototype,
        nullif(_start_run.delay, interval '0')
    ) is not null then
        return v_run_id;
    end if;
    select r.run_id into v_run_id from stepgres.runs as r
    where r.workflow_slug = prototype.workflow_slug
        and r.idempotency_key = prototype.idempotency_key;
    if not found then
        raise exception 'run % already exists', prototype.run_id
            using errcode = 'SG009',
                hint = 'Leave run_id out, or use an idempotency_key to start a run at most once.';
    end if;
    return v_run_id;
end
$$;

comment on function stepgres._start_run(stepgres.runs, interval) is
'Starts a run like the prototype that _new_run made, and returns its run_id.

If a run was started with the idempotency_key before, the run_id of that run is returned. A
prototype without a run_id gets a new run_id.';

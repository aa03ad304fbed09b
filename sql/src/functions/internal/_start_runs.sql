create function stepgres._start_runs(
    run_ids uuid[],
    workflow_slug text,
    version int,
    inputs jsonb[],
    executor_id text,
    priority int,
    idempotency_key text
) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
    v_tasks stepgres._new_task[];
    v_maps stepgres._step_key[];
begin
    if priority is not null then
        perform stepgres._ensure_queue(s.queue, _start_runs.priority, s.resources)
        from stepgres.steps as s
        where (s.workflow_slug, s.version) = (_start_runs.workflow_slug, _start_runs.version);
    end if;
    with started as (
        insert into stepgres.runs as r (
            run_id, workflow_slug, version, remaining_steps, executor_id, priority, idempotency_key, inserted_at,
            input
        )
        select n.run_id, _start_runs.workflow_slug, _start_runs.version,
            (
                select count(*) from stepgres.steps as s
                where (s.workflow_slug, s.version) = (_start_runs.workflow_slug, _start_runs.version)
            ),
            _start_runs.executor_id, _start_runs.priority, _start_runs.idempotency_key, v_now, n.input
        from unnest(_start_runs.run_ids, _start_runs.inputs) as n (run_id, input)
        on conflict do nothing
        returning r.run_id
    ),
    activated as (
        insert into stepgres.active_runs (run_id) select s.run_id from started as s
    )
    select array_agg(s.run_id) into v_run_ids from started as s;

    with created as (
        insert into stepgres.step_states as t (
            run_id, step_slug, map, remaining_deps, status, started_at, initial_tasks, remaining_tasks
        )
        select i.run_id, s.step_slug, s.map, s.dependency_count,
            case when o.is_ready then 'started' else 'created' end,
            case when o.is_ready then v_now end,
            case when o.is_ready then 1 end,
            case when o.is_ready then 1 end
        from unnest(v_run_ids) as i (run_id)
        cross join stepgres.steps as s
        cross join lateral (select s.dependency_count = 0 and not s.map as is_ready) as o
        where (s.workflow_slug, s.version) = (_start_runs.workflow_slug, _start_runs.version)
        returning t.run_id, t.step_slug, t.map, t.remaining_deps
    )
    select
        array_agg((c.run_id, c.step_slug, 0, null)::stepgres._new_task) filter (where not c.map),
        array_agg((c.run_id, c.step_slug)::stepgres._step_key) filter (where c.map)
    into v_tasks, v_maps
    from created as c
    where c.remaining_deps = 0;

    perform stepgres._queue_tasks(v_tasks);
    perform stepgres._advance(stepgres._start_maps(v_maps));
    return v_run_ids;
end
$$;

comment on function stepgres._start_runs(uuid[], text, int, jsonb[], text, int, text) is
'Starts runs with their step states and root tasks; leaves out, and does not return, those whose id or key is taken.';

create function stepgres._retry_runs(
    run_ids uuid[], skip_completed boolean, executor_id text default null,
    child stepgres.runs default null, new_ids uuid[] default null,
    idempotency_key text default null
) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_group record;
    v_run stepgres.runs;
    v_new_ids uuid[] := '{}'::uuid[];
begin
    -- runs that start together are equal in everything but their inputs
    for v_group in
        select
            r.workflow_slug, r.version, r.priority, r.tags, r.deadline, r.task_graph_id,
            r.unique_key, r.on_failure, a.run_id as parent_run_id,
            array_agg(r.run_id order by r.run_id) as run_ids,
            array_agg(i.new_id order by r.run_id) as new_ids,
            array_agg(r.input order by r.run_id) as inputs,
            array_agg(r.failure_of order by r.run_id) as failure_of,
            array_agg(r.traceparent order by r.run_id) as traceparents,
            bool_or(r.is_limited) as is_limited
        from unnest(
            _retry_runs.run_ids,
            coalesce(
                _retry_runs.new_ids, stepgres._new_run_ids(cardinality(_retry_runs.run_ids))
            )
        ) as i (run_id, new_id)
        join stepgres.runs as r on r.run_id = i.run_id
        left join lateral (
            select p.run_id from stepgres.active_runs as p where p.run_id = r.parent_run_id offset 0
        ) as a on true
        group by r.workflow_slug, r.version, r.priority, r.tags, r.deadline, r.task_graph_id,
            r.unique_key, r.on_failure, a.run_id
        order by min(r.run_id::text)
    loop
        v_run := _retry_runs.child;
        v_run.workflow_slug := v_group.workflow_slug;
        v_run.version := v_group.version;
        v_run.is_limited := v_group.is_limited;
        v_run.on_failure := v_group.on_failure;
        v_run.task_graph_id := v_group.task_graph_id;
        if child.parent_run_id is not null then
            v_run.deadline := stepgres._child_deadline(v_run);
        else
            v_run.executor_id := _retry_runs.executor_id;
            v_run.idempotency_key := _retry_runs.idempotency_key;
            v_run.priority := v_group.priority;
            v_run.tags := v_group.tags;
            v_run.deadline := v_group.deadline;
            v_run.parent_run_id := v_group.parent_run_id;
            perform stepgres._check_start(v_run);
            if v_group.unique_key is not null then
                v_run.run_id := v_group.new_ids[1];
                v_run.unique_key := v_group.unique_key;
                perform stepgres._keep_key(v_run);
            end if;
        end if;
        v_new_ids := v_new_ids || stepgres._start_runs(
            v_group.new_ids, v_group.inputs, v_run,
            case when skip_completed then interval '0' end, v_group.run_ids, v_group.failure_of,
            v_group.traceparents
        );
    end loop;
    if skip_completed then
        perform stepgres._copy_runs(array(
            select (r.run_id, r.retried_from, '{}', '{}', null)::stepgres._run_copy
            from stepgres.runs as r where r.run_id = any (v_new_ids) order by r.run_id
        ));
    end if;
    return v_new_ids;
end
$$;

comment on function stepgres._retry_runs(uuid[], boolean, text, stepgres.runs, uuid[], text) is
'Starts new runs that continue the given runs, and returns the ids of the new runs.

The caller has locked the given runs and their parents. With a child, a prototype of _child_like,
the new runs are children with the ids new_ids. Each unique_key is in the given runs once. Raises
SG038 if an active run has it. With an idempotency_key, a single run is retried; no id is returned
if another run has the key.';

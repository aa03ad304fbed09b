create function stepgres._apply_results(
    worker stepgres.workers, results jsonb, room stepgres._room
) returns stepgres._applied
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_outcome stepgres._outcome := stepgres._record_results(
        worker.worker_id, _apply_results.results
    );
    v_finished stepgres._step_key[];
    v_ends stepgres._step_key[];
    v_applied stepgres._applied;
begin
    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_completed', array(
            select distinct (
                (i ->> 'run_id')::uuid, i ->> 'step_slug', (i ->> 'task_index')::int
            )::stepgres._task_key
            from jsonb_array_elements(results) with ordinality as r (i, place)
            where r.place = any (v_outcome.accepted) and i ->> 'status' = 'completed'
        ));
    end if;
    if v_outcome.logs is not null then
        perform stepgres._store_logs(v_outcome.logs);
    end if;
    if v_outcome.traces is not null then
        perform stepgres._store_traces(v_outcome.traces);
    end if;
    if v_outcome.limited is not null then
        perform stepgres._free_places(v_outcome.limited);
    end if;
    -- Maps and failures come first: the completed tasks of a failed run keep their outputs, but
    -- start nothing more.
    v_finished := stepgres._refill_maps(v_outcome.changed_maps);
    v_finished := v_finished || stepgres._fail_tasks(v_outcome.failures);
    if v_outcome.released is not null then
        perform stepgres._release_tasks(v_outcome.released);
    end if;
    if v_outcome.suspended is not null then
        perform stepgres._suspend_tasks(v_outcome.suspended);
    end if;
    if v_outcome.restarted is not null then
        perform stepgres._restart_tasks(v_outcome.restarted);
    end if;
    if v_outcome.left_bodies is not null then
        perform stepgres._close_waits_of(v_outcome.left_bodies);
        perform stepgres._expand_maps_of(v_outcome.left_bodies);
    end if;
    if v_outcome.added is not null then
        v_finished := v_finished || v_outcome.completed_steps || v_outcome.completed_ends;
        perform stepgres._add_goal_tasks(a.run_id, a.step_slug, a.tasks, v_finished)
        from unnest(v_outcome.added) as a;
        -- The completed steps may have got dependents.
        v_ends := stepgres._ends_of(v_finished);
    else
        v_ends := coalesce(stepgres._ends_of(v_finished) || v_outcome.completed_ends, '{}');
        v_finished := v_finished || v_outcome.completed_steps;
    end if;
    v_applied.handed := stepgres._advance(
        v_finished, v_ends, _apply_results.worker, _apply_results.room,
        cardinality(v_outcome.accepted)
    );
    if v_outcome.added is not null then
        -- Start the added tasks whose dependencies have all finished before.
        perform stepgres._start_ready_steps(
            array(select distinct a.run_id from unnest(v_outcome.added) as a)
        );
    end if;

    if cardinality(v_outcome.accepted) = jsonb_array_length(results) then
        return v_applied;
    end if;
    v_applied.refused := array(
        select i from generate_series(1, jsonb_array_length(results)::bigint) as i
        where i not in (select a from unnest(v_outcome.accepted) as a)
    );
    return v_applied;
end
$$;

comment on function stepgres._apply_results(stepgres.workers, jsonb, stepgres._room) is
'Applies a batch of results and all that follows from them.

Returns the places (from 1) of the refused results, if there are any, and the tasks, as room
allows, that this worker has started at once.';

create function stepgres._apply_results(worker_id text, results jsonb) returns setof bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_outcome stepgres._outcome := stepgres._record_results(_apply_results.worker_id, _apply_results.results);
    v_window record;
begin
    perform stepgres._complete_maps(v_outcome.finished_maps);
    -- failures first: what a failed run has completed keeps its output, but starts nothing more
    perform stepgres._fail_tasks(v_outcome.failures);
    perform stepgres._release_tasks(v_outcome.released);
    for v_window in
        select k.run_id, k.step_slug from unnest(v_outcome.due_windows) as k
        join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
    loop
        perform stepgres._expand_map(v_window.run_id, v_window.step_slug);
    end loop;
    perform stepgres._advance(v_outcome.completed_steps || v_outcome.finished_maps);

    return query
    select i from generate_series(1, jsonb_array_length(results)::bigint) as i
    where i <> all (coalesce(v_outcome.accepted, '{}'));
end
$$;

comment on function stepgres._apply_results(text, jsonb) is
'Applies a batch of results and all that follows from them; returns the places (from 1) of those that were refused.';

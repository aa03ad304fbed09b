create function stepgres._replace_input(
    run stepgres.runs, waiting_run_id uuid, debounce interval, debounce_max interval
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run stepgres.runs;
begin
    perform stepgres._lock_runs(array[waiting_run_id]);
    update stepgres.unique_runs as u set is_held = false
    where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key and u.is_waiting
        and u.run_id = waiting_run_id;
    if not found then
        raise exception using errcode = 'SGLCK';
    end if;
    if run.input is null then
        perform stepgres._input_is_missing(run.workflow_slug);
    end if;
    v_run := stepgres._find_run(waiting_run_id);
    perform stepgres._check_inputs(v_run.workflow_slug, v_run.version, array[run.input]);
    update stepgres.runs as r set input = run.input where r.run_id = v_run.run_id;
    perform stepgres._set_start(
        array[v_run.run_id],
        greatest(interval '0', least(
            debounce, debounce_max - stepgres._time_left(v_now, v_run.inserted_at)
        ))
    );
end
$$;

comment on function stepgres._replace_input(stepgres.runs, uuid, interval, interval) is
'Gives a run that has not begun the input of a further start, and moves its start.

Raises SGLCK if the run has begun or ended meanwhile.';

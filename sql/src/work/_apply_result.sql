create function stepgres._apply_result(worker stepgres.workers, result jsonb, room stepgres._room)
returns stepgres._applied
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_error text;
begin
    begin
        return stepgres._apply_results(
            _apply_result.worker, jsonb_build_array(_apply_result.result), _apply_result.room
        );
    exception when program_limit_exceeded or data_exception then
        v_error := sqlerrm;
    end;
    begin
        return stepgres._apply_results(
            _apply_result.worker,
            jsonb_build_array(result - '{output,tasks}'::text[] || jsonb_build_object(
                'status', 'failed', 'error', v_error, 'retryable', false
            )),
            (0, 0)::stepgres._room
        );
    exception when program_limit_exceeded or data_exception then
        v_error := sqlerrm;
    end;
    -- The task cannot even fail without its output: PostgreSQL cannot hold the other outputs of the
    -- run either.
    perform stepgres._fail_steps(array[(
        result ->> 'run_id', result ->> 'step_slug',
        format(
            'step "%s" failed: the run cannot go on after it: %s', result ->> 'step_slug', v_error
        )
    )::stepgres._run_failure]);
    return null;
end
$$;

comment on function stepgres._apply_result(stepgres.workers, jsonb, stepgres._room) is
'Applies one result, or fails its task if PostgreSQL cannot hold the values that follow from it.

If the task cannot be failed either, its run fails with the error.';

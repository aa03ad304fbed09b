create function stepgres._apply_batch(
    worker stepgres.workers, results jsonb, room stepgres._room, run_ids uuid[]
) returns stepgres._applied
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_applied stepgres._applied;
    v_all stepgres._applied;
begin
    -- The sender of a single result gets the error.
    if jsonb_array_length(results) = 1 then
        perform stepgres._lock_runs(_apply_batch.run_ids);
        return stepgres._apply_results(
            _apply_batch.worker, _apply_batch.results, _apply_batch.room
        );
    end if;
    begin
        -- The runs are locked in the subtransaction that changes them: locks of two transactions on
        -- one row would be a multixact.
        perform stepgres._lock_runs(_apply_batch.run_ids);
        return stepgres._apply_results(
            _apply_batch.worker, _apply_batch.results, _apply_batch.room
        );
    exception when program_limit_exceeded or data_exception then
        -- One of the results leads to more than PostgreSQL can hold in a value: only this result
        -- fails.
        perform stepgres._lock_runs(_apply_batch.run_ids);
        for v_place in 1 .. jsonb_array_length(results) loop
            v_applied := stepgres._apply_result(
                _apply_batch.worker, results -> v_place - 1,
                (
                    room.capacity - coalesce(cardinality(v_all.handed), 0),
                    room.begins - coalesce(cardinality(v_all.handed), 0)
                )::stepgres._room
            );
            v_all.handed := v_all.handed || v_applied.handed;
            if v_applied.refused is not null then
                v_all.refused := v_all.refused || v_place::bigint;
            end if;
        end loop;
        return v_all;
    end;
end
$$;

comment on function stepgres._apply_batch(stepgres.workers, jsonb, stepgres._room, uuid[]) is
'Applies results as _apply_results does, or one by one if the batch cannot be applied as a whole.

So no run keeps the results of other runs back.';

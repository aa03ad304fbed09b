create function stepgres._start_unique_run(
    options stepgres.runs,
    if_running text,
    delay interval,
    debounce interval,
    debounce_max interval
) returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs;
    v_run_id uuid;
begin
    perform stepgres._check_unique_start(
        options.unique_key, if_running, delay, debounce, debounce_max
    );
    -- A start that meets another start or end begins anew. The savepoint lets go of its locks.
    loop
        begin
            if options.parent_run_id is not null
                and (if_running = 'cancel' or debounce is not null) then
                perform stepgres._lock_replaced(options, debounce is not null);
            end if;
            v_run := stepgres._new_run(
                options.workflow_slug, options.version, options.executor_id, options.priority,
                delay, options.deadline, options.tags, options.parent_run_id,
                options.traceparent
            );
            v_run.run_id := coalesce(options.run_id, (stepgres._new_run_ids(1))[1]);
            v_run.input := options.input;
            v_run.idempotency_key := options.idempotency_key;
            v_run.unique_key := options.unique_key;
            v_run_id := stepgres._try_start_unique_run(
                v_run, if_running, delay, debounce, debounce_max
            );
            exit;
        exception when sqlstate 'SGLCK' then
            null;
        end;
    end loop;
    return v_run_id;
end
$$;

comment on function stepgres._start_unique_run(
    stepgres.runs, text, interval, interval, interval
) is
'Starts a run with a unique_key, or does what if_running or debounce says.

Returns the run_id of the new run, or of the run that is active instead.';

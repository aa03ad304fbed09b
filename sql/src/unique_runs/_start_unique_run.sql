create function stepgres._start_unique_run(
    prototype stepgres.runs,
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
    v_run stepgres.runs := _start_unique_run.prototype;
    v_active uuid[];
    v_run_id uuid;
begin
    v_run.run_id := coalesce(v_run.run_id, (stepgres._new_run_ids(1))[1]);
    loop
        -- in the loop, because another start with this idempotency_key may have committed
        select r.run_id into v_run_id from stepgres.runs as r
        where r.workflow_slug = v_run.workflow_slug and r.idempotency_key = v_run.idempotency_key;
        if found then
            return v_run_id;
        end if;
        v_active := array(
            select u.run_id from stepgres.unique_runs as u
            where u.workflow_slug = v_run.workflow_slug and u.unique_key = v_run.unique_key
                and (u.is_waiting or _start_unique_run.debounce is null)
            order by u.is_waiting
        );
        if v_active = '{}' then
            exit when stepgres._take_key(v_run, is_waiting => debounce is not null);
        elsif debounce is not null then
            if stepgres._replace_input(v_run, v_active[1], debounce, debounce_max) then
                return v_active[1];
            end if;
        elsif if_running = 'return' then
            return v_active[1];
        elsif if_running = 'reject' then
            perform stepgres._run_is_active(v_run, v_active[1]);
        else
            perform stepgres._cancel_families(
                v_active, stepgres._lock_families(v_active),
                format('run %s with the same unique_key has replaced it', v_run.run_id)
            );
            perform stepgres._run_is_finished(r.run_id, r.status)
            from stepgres.runs as r
            where r.run_id = v_run.parent_run_id and r.status <> 'started';
        end if;
    end loop;
    v_run_id := stepgres._start_run(v_run, coalesce(least(debounce, debounce_max), delay));
    if v_run_id <> v_run.run_id then
        -- another start with this idempotency_key was faster; it had another unique_key
        delete from stepgres.unique_runs as u
        where u.workflow_slug = v_run.workflow_slug and u.unique_key = v_run.unique_key
            and u.run_id = v_run.run_id;
    end if;
    return v_run_id;
end
$$;

comment on function stepgres._start_unique_run(
    stepgres.runs, text, interval, interval, interval
) is
'Starts a run with a unique_key like the prototype, or does what if_running or debounce says.

Returns the run_id of the new run, or of the run that is active instead.';

create function stepgres._try_start_unique_run(
    run stepgres.runs,
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
    v_active uuid[];
    v_run_id uuid;
begin
    select r.run_id into v_run_id from stepgres.runs as r
    where r.workflow_slug = run.workflow_slug and r.idempotency_key = run.idempotency_key;
    if found then
        return v_run_id;
    end if;
    v_active := array(
        select u.run_id from stepgres.unique_runs as u
        where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
            and (u.is_waiting or _try_start_unique_run.debounce is null)
        order by u.is_waiting
    );
    -- With a parent, the runs that will change are locked (_lock_replaced). Waiting for another run
    -- here, out of the order in which runs are locked, could deadlock.
    if run.parent_run_id is not null and (debounce is not null or if_running = 'cancel')
        and cardinality(stepgres._try_lock_runs(v_active)) < cardinality(v_active) then
        raise exception using errcode = 'SGLCK';
    end if;
    if v_active <> '{}' and debounce is not null then
        perform stepgres._replace_input(run, v_active[1], debounce, debounce_max);
        return v_active[1];
    elsif v_active <> '{}' and if_running = 'return' then
        return v_active[1];
    elsif v_active <> '{}' and if_running = 'reject' then
        perform stepgres._run_is_active(run, v_active[1]);
    elsif v_active <> '{}' then
        perform stepgres._cancel_families(
            v_active, stepgres._lock_families(v_active),
            format('run %s with the same unique_key has replaced it', run.run_id)
        );
        perform stepgres._run_is_finished(p.run_id, p.status)
        from stepgres.runs as p
        where p.run_id = run.parent_run_id and p.status <> 'started';
    end if;
    if not stepgres._take_key(run, is_waiting => debounce is not null) then
        raise exception using errcode = 'SGLCK';
    end if;
    v_run_id := stepgres._start_run(run, coalesce(least(debounce, debounce_max), delay));
    if v_run_id <> run.run_id then
        -- Another start with this idempotency_key was faster; it had another unique_key.
        raise exception using errcode = 'SGLCK';
    end if;
    return v_run_id;
end
$$;

comment on function stepgres._try_start_unique_run(
    stepgres.runs, text, interval, interval, interval
) is
'Starts a run with a unique_key, or returns the run that is active instead.

Raises SGLCK if another start or end with this key, or this idempotency_key, has come first.';

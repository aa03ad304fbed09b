create function stepgres.register_worker(
    worker_id text default null, queues text[] default '{default}', lease interval default '15 seconds'
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker_id text := coalesce(register_worker.worker_id, 'worker-' || right(gen_random_uuid()::text, 12));
    v_queue text;
    v_constraint text;
begin
    perform stepgres._take_over(v_worker_id, is_dead => true);
    insert into stepgres.workers as w (worker_id, queues, lease, registered_at, heartbeat_at)
    values (v_worker_id, register_worker.queues, register_worker.lease, v_now, v_now)
    on conflict on constraint workers_pkey do update
    set queues = excluded.queues, lease = excluded.lease, registered_at = v_now, heartbeat_at = v_now;
    foreach v_queue in array register_worker.queues loop
        perform stepgres._ensure_queue(v_queue);
    end loop;
    return v_worker_id;
exception when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(v_constraint, format('worker "%s"', v_worker_id));
end
$$;

comment on function stepgres.register_worker(text, text[], interval) is
'Registers a worker that takes tasks from these queues and returns its worker_id, made up if none is given.

The worker must be heard of within its lease, by heartbeat or work; otherwise its tasks are taken over. Registering an
id again takes over what that id held before.

Errors: SG001 bad worker_id, queue or lease.';

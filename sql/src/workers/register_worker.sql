create function stepgres.register_worker(
    worker_id text default null,
    queues text[] default '{default}',
    lease interval default '15 seconds',
    resources jsonb default '{}',
    knows jsonb default null,
    features text[] default '{}',
    client_version text default null,
    slots int default null
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_worker_id text := coalesce(
        register_worker.worker_id, 'worker-' || right(gen_random_uuid()::text, 12)
    );
    v_knows jsonb := stepgres._check_knowledge(
        register_worker.knows, format('worker "%s"', v_worker_id)
    );
    v_queue text;
    v_constraint text;
    v_column text;
begin
    if client_version is not null then
        perform stepgres.check_version(register_worker.client_version);
    end if;
    -- The worker is locked before runs, as everywhere. A claim of this worker under way ends first.
    perform 1 from stepgres.workers as w where w.worker_id = v_worker_id for update;
    insert into stepgres.workers as w (
        worker_id, queues, resources, lease, knows, features, registered_at, heartbeat_at,
        slots
    )
    values (
        v_worker_id, register_worker.queues,
        register_worker.resources || stepgres._feature_resources(register_worker.features),
        register_worker.lease,
        v_knows, coalesce(register_worker.features, '{}'), v_now, v_now,
        register_worker.slots
    )
    on conflict on constraint workers_pkey do update
    set queues = excluded.queues, resources = excluded.resources, lease = excluded.lease,
        knows = excluded.knows, features = excluded.features, is_waiting = false, progress = '[]',
        generation = w.generation + 1, registered_at = v_now, heartbeat_at = v_now,
        slots = excluded.slots;
    perform stepgres._take_over(array[v_worker_id], is_dead => true);
    foreach v_queue in array register_worker.queues loop
        perform stepgres._ensure_queue(v_queue, 0, '{}');
    end loop;
    if jsonb_typeof(v_knows -> 'goals') = 'array' then
        -- This worker may know goal tasks that no worker has known before.
        perform stepgres._return_tickets(q) from stepgres.queues as q
        where q.queue = any (register_worker.queues) and q.lane = '{"goals": []}' and not q.is_idle;
    end if;
    return v_worker_id;
exception when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform stepgres._definition_error(v_constraint, format('worker "%s"', v_worker_id), v_column);
end
$$;

comment on function stepgres.register_worker(
    text, text[], interval, jsonb, jsonb, text[], text, int
) is
'Registers a worker that takes tasks from these queues, and returns its worker_id.

A worker_id is made up if none is given. resources are the resources of the worker, such as
{"gpu": true}. The worker gets the tasks of steps that need no other resources.

knows is the code of the worker, such as {"workflows": {"order": 3}, "goals": true}. "workflows"
has the versions that register_workflow has returned. The worker gets tasks of these versions. The
worker gets tasks of an older version if the step has the same name, map and dependencies in its
own version; it gets no tasks of newer versions. "goals" is true for the goal tasks of all goals, or
an array of ids, paths or patterns of goal tasks, such as "design/*". A step in SQL is for every
worker. Without knows, the worker gets all tasks. features are the kinds of work that the worker can
do beyond plain tasks: a worker gets the tasks of durable steps only with the feature "durable".
Unknown features are ignored.

The worker must call heartbeat or work within its lease; otherwise its tasks are taken over.
Registering a worker_id again takes over the tasks that the worker held before.

client_version is the version of the program of the worker: see check_version. slots is the number
of tasks that the worker executes at a time: metrics show it.

Errors: SG001 bad worker_id, queue, lease, resources, knows or slots, SG027 the version is not
served.';

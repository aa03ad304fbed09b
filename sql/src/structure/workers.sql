create table stepgres.queues (
    pgmq_queue text primary key,
    queue stepgres.queue not null,
    priority stepgres.priority not null,
    resources stepgres.resources not null,
    lane jsonb not null default '{}',
    has_lanes boolean not null default false,
    is_idle boolean not null default false,
    needed_at timestamptz not null,
    created_at timestamptz not null,
    constraint queue_has_one_pgmq_queue unique (queue, priority, resources, lane)
);

-- A worker looks only into the queues that may hold tickets, and skips the idle ones.
create index queues_in_use on stepgres.queues (queue) where not is_idle;

comment on table stepgres.queues is
'Holds the queues that carry ready tasks, with a pgmq queue for each priority and set of resources.

A worker takes from the pgmq queues whose resources are within its own, the highest priority
first. So pgmq serves priorities and resources, although it knows neither. A queue that nothing
needs is retired.';
comment on column stepgres.queues.lane is
'The lane names the workers that the pgmq queue is for: {} is for all workers.
A worker that does not know a task sends its ticket on to a lane. A lane is {"workflow",
"version"}, {"workflow", "version", "step"}, or {"goals"} with the patterns of workers.';
comment on column stepgres.queues.has_lanes is
'There may be lanes beside this pgmq queue, for the same queue, priority and resources.';
comment on column stepgres.queues.is_idle is
'The pgmq queue is empty, and no worker looks into it until somebody sends a ticket there.';
comment on column stepgres.queues.needed_at is
'When a step, a worker or a ticket was last seen to need the pgmq queue.';

create table stepgres.workers (
    worker_id text primary key,
    queues text[] not null,
    resources stepgres.resources not null,
    lease interval not null,
    knows jsonb,
    features text[] not null default '{}',
    is_waiting boolean not null default false,
    registered_at timestamptz not null,
    heartbeat_at timestamptz not null,
    progress jsonb not null default '[]',
    generation int not null default 0,
    slots int,
    constraint worker_id_is_short check (length(worker_id) between 1 and 128),
    constraint lease_is_limited check (lease > interval '0' and lease <= interval '1 year'),
    constraint slots_are_positive check (slots > 0)
) with (fillfactor = 50, autovacuum_analyze_threshold = 1000000);

-- The table is hardly ever analyzed. Heartbeats would cause an analyze every minute, after which
-- every session plans its statements again. So small a table needs no statistics.
comment on table stepgres.workers is
'Holds the workers; a worker without a heartbeat for its lease is dead.

The tasks of a dead worker are taken over.';
comment on column stepgres.workers.resources is
'The resources of the worker, such as {"gpu": true}.
The worker takes the tasks of steps whose resources are contained in its own.';
comment on column stepgres.workers.knows is
'The code of the worker: {"workflows": {slug: version}, "goals": true or patterns}; null: all.';
comment on column stepgres.workers.features is
'The kinds of work that the worker can do beyond plain tasks.';
comment on column stepgres.workers.is_waiting is
'The worker found nothing to do and waits for a notification.
A transaction that queues a task for a waiting worker sends the notification.';
comment on column stepgres.workers.progress is
'The tasks whose steps have reported progress, and when they did.
The timeout of such a task began anew at that time.';
comment on column stepgres.workers.generation is
'Counts up when keep_tasks or register_worker looks at the tasks that the worker has claimed.
A call of work that began before claims no task any more.';
comment on column stepgres.workers.slots is
'The number of tasks that the worker executes at a time; null: the worker has not said.';
comment on constraint slots_are_positive on stepgres.workers is
'slots must be at least 1';
comment on constraint worker_id_is_short on stepgres.workers is
'a worker_id has 1 to 128 characters';
comment on constraint lease_is_limited on stepgres.workers is
'a lease must be more than 0 seconds and at most a year';

create table stepgres.sweeps (
    only_row boolean primary key default true check (only_row),
    position uuid,
    swept_at timestamptz not null
);

comment on table stepgres.sweeps is
'Stores how far tick() has come in its search for lost tickets through the active runs, by slices.';
comment on column stepgres.sweeps.swept_at is
'When the last slice was searched; if there are slices left, when the next one may be searched.';

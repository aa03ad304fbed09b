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

-- Of many queues a worker looks only into those that may hold something.
create index queues_in_use on stepgres.queues (queue) where not is_idle;

comment on table stepgres.queues is
'Queues that carry ready tasks, with a pgmq queue for each priority and set of resources that steps ask for.

A worker takes from those whose resources are within its own, the highest priority first: so pgmq,
which knows neither, serves both. A queue that nothing needs is retired.';
comment on column stepgres.queues.lane is
'Whose tasks the pgmq queue is for: {} is for all. A worker that does not know a task sends its ticket
on to a lane: {"workflow", "version"}, {"workflow", "version", "step"}, or {"goals"} with the patterns
of workers.';
comment on column stepgres.queues.has_lanes is
'There may be lanes beside this pgmq queue, for the same queue, priority and resources.';
comment on column stepgres.queues.is_idle is
'The pgmq queue is empty, and no worker looks into it until somebody sends a ticket there.';
comment on column stepgres.queues.needed_at is
'When a step, a worker or a ticket was last seen to need it.';

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
    constraint worker_id_is_short check (length(worker_id) between 1 and 128),
    constraint lease_is_limited check (lease > interval '0' and lease <= interval '1 year')
) with (fillfactor = 50, autovacuum_analyze_threshold = 1000000);

-- Hardly ever analyzed: heartbeats would bring that about every minute, after which every session plans
-- its statements again, and nobody needs statistics of so small a table.
comment on table stepgres.workers is
'Workers; one that has not sent a heartbeat for its lease is dead and its tasks are taken over.';
comment on column stepgres.workers.resources is
'What the worker has, such as {"gpu": true}: it takes the tasks of steps whose resources are contained in this.';
comment on column stepgres.workers.knows is
'The code that the worker has: {"workflows": {slug: version}, "goals": true or patterns}; null: all.';
comment on column stepgres.workers.features is
'The kinds of work that the worker can do beyond plain tasks.';
comment on column stepgres.workers.is_waiting is
'The worker found nothing to do and waits for a notification: whoever queues a task for it sends one.';
comment on column stepgres.workers.progress is
'The tasks whose steps have said that they make progress, and when: their timeouts began anew at that time.';
comment on column stepgres.workers.generation is
'Counts up when keep_tasks or register_worker looks at what the worker has claimed: calls of work that began before
claim nothing any more.';
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
'How far tick() has come in looking for lost tickets, a slice of the active runs at a time.';

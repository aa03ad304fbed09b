create table stepgres.queues (
    queue text primary key,
    pgmq_queue text not null unique,
    created_at timestamptz not null
);

comment on table stepgres.queues is
'Queues that carry ready tasks, each with the pgmq queue behind it.';

create table stepgres.workers (
    worker_id text primary key,
    queues text[] not null,
    lease interval not null,
    registered_at timestamptz not null,
    heartbeat_at timestamptz not null,
    constraint worker_id_is_short check (length(worker_id) between 1 and 128),
    constraint lease_is_positive check (lease > interval '0')
) with (fillfactor = 50);

comment on table stepgres.workers is
'Workers; one that has not sent a heartbeat for its lease is dead and its tasks are taken over.';
comment on constraint worker_id_is_short on stepgres.workers is
'a worker_id has 1 to 128 characters';
comment on constraint lease_is_positive on stepgres.workers is
'a lease must be more than 0 seconds';

create table stepgres.sweeps (
    only_row boolean primary key default true check (only_row),
    position uuid,
    swept_at timestamptz not null
);

comment on table stepgres.sweeps is
'How far tick() has come in looking for lost tickets, a slice of the active runs at a time.';

create table stepgres.paused_queues (
    queue stepgres.queue primary key,
    paused_at timestamptz not null
);

comment on table stepgres.paused_queues is
'Holds the queues that are paused: workers claim nothing from them.';

create table stepgres.switched_off (
    part text primary key,
    constraint part_is_known check (part = 'metrics')
);

comment on table stepgres.switched_off is
'Names the parts of Stepgres that an administrator has switched off: see switch_metrics.';

-- A turn of a worker inserts a row, and updates none. An update would wait for other transactions
-- of the worker, and while an old transaction is open it would read all versions of the row. A row
-- of a transaction that is rolled back disappears together with what it counts. The rows are small,
-- because each turn of one task writes one: the totals have wider columns.
create table stepgres.metric_counts (
    tasks_completed int,
    tasks_failed int,
    tasks_skipped int,
    tasks_cancelled int,
    retries int,
    executions int,
    waited real,
    ran real,
    runs_completed int,
    runs_failed int,
    runs_cancelled int,
    leases_expired int,
    schedules_missed int
) with (autovacuum_analyze_threshold = 1000000);

-- The table is read as a whole and needs no statistics, as `workers` needs none.

comment on table stepgres.metric_counts is
'Holds what transactions have counted and tick has not added to the totals yet.';
comment on column stepgres.metric_counts.retries is
'The failed attempts whose tasks are tried again.';
comment on column stepgres.metric_counts.executions is
'The executions that workers have ended with a result; a release does not count.';
comment on column stepgres.metric_counts.waited is
'The seconds from the queueing of tasks to their claims, of the same executions.';
comment on column stepgres.metric_counts.ran is
'The seconds from the claims of tasks to their results, of the same executions.';

create table stepgres.metric_samples (
    sampled_at timestamptz primary key,
    tasks_completed bigint not null,
    tasks_failed bigint not null,
    tasks_skipped bigint not null,
    tasks_cancelled bigint not null,
    retries bigint not null,
    executions bigint not null,
    waited float8 not null,
    ran float8 not null,
    runs_completed bigint not null,
    runs_failed bigint not null,
    runs_cancelled bigint not null,
    leases_expired bigint not null,
    schedules_missed bigint not null
);

comment on table stepgres.metric_samples is
'Holds the totals of metric_counts by time: the last of each minute, for two days.

The newest row has the current totals.';

create type stepgres.metric as (
    name text,
    labels jsonb,
    value float8,
    type text,
    help text
);

comment on type stepgres.metric is
'A metric with its value now, named as Prometheus wants it.

type is counter, gauge or summary. A summary consists of two metrics, whose names end with _count
and _sum. help says what is measured.';

create type stepgres.throughput as (
    began_at timestamptz,
    tasks_completed bigint,
    tasks_failed bigint,
    retries bigint,
    runs_completed bigint,
    runs_failed bigint,
    runs_cancelled bigint,
    leases_expired bigint
);

comment on type stepgres.throughput is
'What has happened in a time that began at began_at, as list_throughput counts it.';

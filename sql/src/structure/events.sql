create table stepgres.subscribers (
    subscriber_id text primary key,
    run_id uuid,
    workflow_slug text,
    every_change boolean not null,
    notified_on text not null,
    told pg_snapshot not null,
    told_at timestamptz not null,
    expires_at timestamptz not null,
    constraint subscriber_has_one_subject check (run_id is null or workflow_slug is null)
);

create index subscribers_by_run on stepgres.subscribers (run_id) where run_id is not null;
create index subscribers_of_many on stepgres.subscribers (workflow_slug) where run_id is null;
create index followers on stepgres.subscribers (expires_at) where every_change;

comment on table stepgres.subscribers is
'Holds the sessions that are told of runs: of one run, of the runs of a workflow, or of all runs.

A subscriber is told of every change, or only of the ends of runs.';
comment on column stepgres.subscribers.notified_on is
'The channel on which the subscriber is notified.';
comment on column stepgres.subscribers.told is
'The subscriber has been told of every transaction that is visible in this snapshot.
The snapshot may also contain transactions that the subscriber will never ask for.';
comment on column stepgres.subscribers.told_at is
'The time at which told was last moved.';

-- Triggers write here, and only while somebody subscribes to each change. The events stay here when
-- their run is deleted: prune() deletes no event that a subscriber has not been told.
create table stepgres.recent_events (
    xid xid8 not null default pg_current_xact_id(),
    event_number bigint generated always as identity,
    event_type text not null,
    run_id uuid,
    workflow_slug text not null,
    task_graph_id text,
    step_slug text,
    task_index int,
    attempt int,
    occurred_at timestamptz not null,
    error text,
    primary key (xid, event_number)
);

create index recent_events_by_run on stepgres.recent_events (run_id, xid);

comment on table stepgres.recent_events is
'Holds the events that happened while somebody subscribed, until all subscribers were told of them.

catch_up_events reads this table.';
comment on column stepgres.recent_events.xid is
'The transaction in which the event happened.
The event is told when its transaction is visible, even if later events were told before.';
comment on column stepgres.recent_events.event_number is
'The order of the events that become visible at the same time.';

create type stepgres.subscription as (
    subscriber_id text,
    notified_on text
);

comment on type stepgres.subscription is
'A subscriber, and the name to listen on: a notification there says that there are new events.';

create type stepgres.new_event as (
    event_type text,
    run_id uuid,
    workflow_slug text,
    task_graph_id text,
    step_slug text,
    task_index int,
    attempt int,
    occurred_at timestamptz,
    error text,
    position text
);

comment on type stepgres.new_event is
'An event that catch_up_events found, and the position behind it.

A row without an event_type says that there are no more events so far.';

create type stepgres._event_position as (
    told pg_snapshot,
    told_at bigint,
    until pg_snapshot,
    event_number bigint,
    since bigint,
    last_run_id uuid
);

comment on type stepgres._event_position is
'The position of a subscriber among the events.

The subscriber was told all events that are visible in told. Of the events that are visible in
until, it was told those up to event_number. As long as there is a last_run_id, the subscriber is
being told the events before told: all events of the runs up to last_run_id, and the first
event_number events of the next run, as far as they happened after since. Times are microseconds.';

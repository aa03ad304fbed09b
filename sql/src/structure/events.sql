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
'Who is to be told of runs: of one, of those of a workflow, or of all; of each change, or of their ends only.';
comment on column stepgres.subscribers.notified_on is
'The name that the subscriber is notified on.';
comment on column stepgres.subscribers.told is
'The subscriber has been told of all transactions that are visible in this snapshot, or will never ask for them.';
comment on column stepgres.subscribers.told_at is
'When told was last moved.';

-- Written by triggers, and only while somebody subscribes to each change. The events of a run outlive the run
-- here: prune() takes nothing away that a subscriber has not been told.
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
'What has happened while somebody subscribed, until all subscribers were told: what catch_up_events reads.';
comment on column stepgres.recent_events.xid is
'The transaction in which it happened: its events are told when it is visible, whatever was told before.';
comment on column stepgres.recent_events.event_number is
'The order in which it happened, among what is visible at the same time.';

create type stepgres.subscription as (
    subscriber_id text,
    notified_on text
);

comment on type stepgres.subscription is
'A subscriber, and the name to listen on: a notification says that there is something new.';

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
'An event that catch_up_events found, and the position behind it. Without an event_type: there are no more events so far.';

create type stepgres._event_position as (
    told pg_snapshot,
    told_at bigint,
    until pg_snapshot,
    event_number bigint,
    since bigint,
    last_run_id uuid
);

comment on type stepgres._event_position is
'How far a subscriber has come: it was told all that is visible in told, and of what is visible in until the events up to
event_number. Or, as long as there is a last_run_id, it is being told what had happened before told: of the runs up to that
one, and the first event_number events of the next, as far as they happened since. Times are microseconds.';

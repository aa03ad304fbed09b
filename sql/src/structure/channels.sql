create table stepgres.channels (
    channel text primary key,
    pgmq_queue text not null unique,
    created_at timestamptz not null
);

comment on table stepgres.channels is
'Channels that messages were sent to, each with the pgmq queue that keeps them.';
comment on column stepgres.channels.pgmq_queue is
'Named after the hash of the channel: pgmq knows no upper case, and few characters.';

create table stepgres.channel_readers (
    channel text not null references stepgres.channels on delete cascade,
    role text not null,
    primary key (channel, role)
);

comment on table stepgres.channel_readers is
'The roles that read each channel, besides workers, observers and admins: the one that made it, and those that were given it.';
comment on column stepgres.channel_readers.role is
'A name, so that a dump restores it where roles have other numbers; public is everybody.';
-- The highest id that any channel had when it was deleted: those of a channel that is made anew are above it.
create sequence stepgres._deleted_ids minvalue 0 start 0;

create type stepgres.message as (
    message_id text,
    message jsonb,
    sent_at timestamptz,
    read_count int,
    visible_at timestamptz,
    acknowledged_at timestamptz
);

comment on type stepgres.message is
'A message of a channel. Until visible_at it is in the hands of whoever read it; once acknowledged it is history.

sent_at is when the transaction of the sender began.';

create type stepgres.new_message as (
    message_id text,
    message jsonb,
    sent_at timestamptz,
    position text
);

comment on type stepgres.new_message is
'A message that catch_up found, and the position from which the next one is looked for once this one is dealt with.';

create type stepgres.listening as (
    messages_on text,
    payloads_on text,
    position text
);

comment on type stepgres.listening is
'What a session listens on after listen: an empty notification on messages_on says that catch_up will find something
behind the position; those on payloads_on carry what was sent with notify_only.';

-- noqa: disable=LT01
-- (sqlfluff takes the brackets behind the name of a type for an index)
create type stepgres._gap as (ids int8multirange, senders text[]);

comment on type stepgres._gap is
'Ids below the last one delivered that were missing while these transactions were sending: one of them may have taken
the id, and not have committed yet. When none of the transactions is left, what is missing then will never come.';

create type stepgres._position as (
    last_id bigint,
    gaps stepgres._gap[]
);

comment on type stepgres._position is
'How far a listener has come: all messages up to last_id, except for the gaps.';

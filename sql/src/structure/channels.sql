create table stepgres.channels (
    channel text primary key,
    pgmq_queue text not null unique,
    created_at timestamptz not null
);

comment on table stepgres.channels is
'Holds the channels that messages were sent to, each with the pgmq queue that keeps its messages.';
comment on column stepgres.channels.pgmq_queue is
'The pgmq queue is named after a hash of the channel.
A pgmq name has no upper case and few characters, so the name of a channel may not fit.';

create table stepgres.channel_readers (
    channel text not null references stepgres.channels on delete cascade,
    role text not null,
    primary key (channel, role)
);

comment on table stepgres.channel_readers is
'Lists the roles that may read each channel, besides workers, observers and admins.

These roles are the role that made the channel and the roles that were granted it.';
comment on column stepgres.channel_readers.role is
'The role is stored by name, and public means every role.
A dump restores a name correctly where roles have other numbers.';

create table stepgres.secrets (
    only_row boolean primary key default true check (only_row),
    secret text not null
);

-- The secret is random, so each installation has another secret.
insert into stepgres.secrets (secret) values (gen_random_uuid()::text || gen_random_uuid()::text);

comment on table stepgres.secrets is
'Holds the secret that only the owner of Stepgres may read.

The names of the notifications that carry payloads are made from this secret.';

-- The highest id that a deleted channel had. A channel of the same name that is made later gets
-- only higher ids.
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
'A message of a channel, with its state for readers.

A message that was read stays with its reader until visible_at. An acknowledged message is
history. sent_at is the time at which the transaction of the sender began.';

create type stepgres.new_message as (
    message_id text,
    message jsonb,
    sent_at timestamptz,
    position text
);

comment on type stepgres.new_message is
'A message that catch_up found, and the position behind the message.

Pass the position to the next catch_up once the message is dealt with.';

create type stepgres.listening as (
    messages_on text,
    payloads_on text,
    position text
);

comment on type stepgres.listening is
'The names that a session listens on after it has called listen, and its position.

An empty notification on messages_on says that catch_up will find messages behind the position.
A notification on payloads_on carries a payload that notify_only sent.';

-- noqa: disable=LT01
-- (sqlfluff takes the brackets behind the name of a type for an index)
create type stepgres._gap as (ids int8multirange, senders text[]);

comment on type stepgres._gap is
'Ids below the last delivered id that were missing while these transactions were sending.

One of the transactions may have taken a missing id without having committed yet. When all of the
transactions have ended, an id that is still missing will never come.';

create type stepgres._position as (
    last_id bigint,
    gaps stepgres._gap[]
);

comment on type stepgres._position is
'The position of a listener: it has received all messages up to last_id, except for the gaps.';

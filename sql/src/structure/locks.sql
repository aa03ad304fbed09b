-- All locks between transactions are locks of rows, tables and sequences that only Stepgres may
-- lock, so no other login can block a transaction of Stepgres. Functions lock the rows that they
-- change, and these objects:
--
-- locks, 'tick'       tick: a second tick has nothing to wait for, and returns at once
-- locks, 'prune'      prune, while it stores its position: a second prune does not store its own
-- locks, 'queues'     _ensure_queue: a transaction makes all of its new queues before the next one
-- locks, 'channels'   _make_channel and delete_channel, for the same reason
-- workers             a claim shares the lock; the end of a worker waits for its claims:
--                     _hold_worker
-- workflow_versions   starts share the lock; delete_flow waits for starts, and starts wait for
--                     delete_flow: _use_version
-- table pgmq.q_...    a user of a channel, so that delete_channel waits for its transaction:
--                     _find_channel
-- its sequence        nextval holds a lock until the transaction ends; _senders finds the senders
--                     by it
--
-- pgmq takes advisory locks of its own while it makes or drops a queue. Any login can block these.
create table stepgres.locks (
    name text primary key
);

comment on table stepgres.locks is
'Holds rows that functions lock so that only one transaction at a time does something.

The rows never change.';

insert into stepgres.locks (name) values ('tick'), ('prune'), ('queues'), ('channels');

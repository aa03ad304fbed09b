-- All locks between transactions are those of rows, tables and sequences that only Stepgres may lock, so that
-- no other login can stand in the way. Beside the rows that a function changes anyway:
--
-- locks, 'tick'       tick: a second one has nothing to wait for, and returns at once
-- locks, 'prune'      prune, while it writes down how far it has come: a second one does not
-- locks, 'queues'     _ensure_queue: who needs several new queues makes all before the next one makes any
-- locks, 'channels'   _make_channel and delete_channel, for the same reason
-- workers             a claim shares it, so that whoever ends the worker waits for the claim: _hold_worker
-- workflow_versions   starts share it, so that delete_flow waits for them, and they for it: _use_version
-- table pgmq.q_...    who uses a channel, so that delete_channel waits for the transaction: _find_channel
-- its sequence        nextval holds it until the transaction ends, by which _senders finds the senders
--
-- pgmq takes advisory locks of its own while it makes or drops a queue. Those any login can hold up.
create table stepgres.locks (
    name text primary key
);

comment on table stepgres.locks is
'Rows that functions lock so that only one transaction at a time does something; none of them ever changes.';

insert into stepgres.locks (name) values ('tick'), ('prune'), ('queues'), ('channels');

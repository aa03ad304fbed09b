create function stepgres._senders(pgmq_queue text) returns text[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(distinct l.virtualtransaction), '{}')
    from pg_locks as l
    where l.locktype = 'relation' and l.granted and l.mode = 'RowExclusiveLock'
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and l.relation = pg_get_serial_sequence(
            format('pgmq.%I', 'q_' || _senders.pgmq_queue), 'msg_id'
        )::regclass
        and l.pid <> pg_backend_pid()
$$;

comment on function stepgres._senders(text) is
'Returns the transactions that have sent to a channel, or are sending, and have not committed.

A transaction that takes an id from the sequence of a pgmq queue first locks the sequence, and keeps
the lock until the transaction ends.

A transaction releases its locks after its messages become visible. So a reader that calls this
function, and then reads messages, sees all messages of transactions that are not in the result.
The calling session is never in the result: a session sees its own messages.';

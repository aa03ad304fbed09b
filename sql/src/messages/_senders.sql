create function stepgres._senders(pgmq_queue text) returns text[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(distinct l.virtualtransaction), '{}')
    from pg_locks as l
    where l.locktype = 'relation' and l.granted and l.mode = 'RowExclusiveLock'
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and l.relation = pg_get_serial_sequence(format('pgmq.%I', 'q_' || _senders.pgmq_queue), 'msg_id')::regclass
        and l.pid <> pg_backend_pid()
$$;

comment on function stepgres._senders(text) is
'The transactions that are sending to a channel, or have sent and not committed yet: PostgreSQL keeps the sequence that they
have taken an id from locked until they end, and takes that lock before the id.

A transaction lets go of its locks after its messages can be seen. So whoever reads messages again after this looked sees
all those of transactions that are not among these. The session itself sees its own messages.';

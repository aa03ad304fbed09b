create function stepgres._senders(channel text) returns text[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(distinct l.virtualtransaction), '{}')
    from pg_locks as l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = 29546
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and l.objid::bigint = hashtext(_senders.channel)::bigint & 4294967295
        and l.pid <> pg_backend_pid()
$$;

comment on function stepgres._senders(text) is
'The transactions that are sending to a channel, or have sent and not committed yet: send_with_notify holds a shared lock.

A transaction lets go of its locks after its messages can be seen. So whoever reads messages again after this looked sees
all those of transactions that are not among these. The session itself sees its own messages.';

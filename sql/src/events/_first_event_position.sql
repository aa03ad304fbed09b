create function stepgres._first_event_position(told pg_snapshot, since bigint)
returns stepgres._event_position
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_position stepgres._event_position;
    v_until timestamptz := clock_timestamp() + interval '1 second';
    v_writers text[];
begin
    -- Transactions that looked for subscribers before this subscriber existed record nothing. They
    -- have read the table subscribers, so they hold a lock on it, and they have written something.
    -- Nearly always they end at once.
    loop
        v_writers := array(
            select l.virtualtransaction
            from pg_locks as l
            where l.locktype = 'relation' and l.relation = 'stepgres.subscribers'::regclass
                and l.database
                    = (select d.oid from pg_database as d where d.datname = current_database())
                and l.pid <> pg_backend_pid()
                and (v_writers is null or l.virtualtransaction = any (v_writers))
                and exists (
                    select from pg_locks as x
                    where x.locktype = 'transactionid' and x.mode = 'ExclusiveLock'
                        and x.granted and x.virtualtransaction = l.virtualtransaction
                )
        );
        exit when cardinality(v_writers) = 0 or clock_timestamp() >= v_until;
        perform pg_sleep(0.002);
    end loop;
    v_position.told := _first_event_position.told;
    v_position.told_at := stepgres._microseconds(stepgres._now());
    v_position.event_number := 0;
    v_position.since := _first_event_position.since;
    v_position.last_run_id := '00000000-0000-0000-0000-000000000000';
    return v_position;
end
$$;

comment on function stepgres._first_event_position(pg_snapshot, bigint) is
'Returns the position in front of the events before a snapshot: all, or all after the time since.';

create function stepgres._need_fresh_snapshots() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A reader looks for the messages of a sender after the sender has ended. In an older snapshot,
    -- or on a replica that is behind, committed messages would seem to be lost.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted')
        or pg_is_in_recovery()
    then
        raise exception 'a listener cannot catch up in a % transaction%',
            current_setting('transaction_isolation'),
            case when pg_is_in_recovery() then ' on a replica' else '' end
            using errcode = 'SG003',
                hint = 'Call it on the primary, in a transaction of isolation level read '
                    'committed.';
    end if;
end
$$;

comment on function stepgres._need_fresh_snapshots() is
'Raises SG003 if a statement would not see everything that was committed before the statement.';

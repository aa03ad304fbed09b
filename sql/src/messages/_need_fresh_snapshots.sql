create function stepgres._need_fresh_snapshots() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What a sender commits is looked for after the sender is gone: in a snapshot from before, or on a replica
    -- that has not come so far, it would seem to be lost.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') or pg_is_in_recovery() then
        raise exception 'a listener cannot catch up in a % transaction%', current_setting('transaction_isolation'),
            case when pg_is_in_recovery() then ' on a replica' else '' end
            using errcode = 'SG003', hint = 'Call it on the primary, in a transaction of isolation level read committed.';
    end if;
end
$$;

comment on function stepgres._need_fresh_snapshots() is
'Raises SG003 if a statement would not see everything that was committed before the statement.';

create function stepgres._wait_for_deletion(workflow_slug text, version int) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The deletion waits for locks of runs and of definitions. So a transaction that holds such
    -- locks must not wait for the deletion.
    if exists (
        select from pg_locks as l
        where l.pid = pg_backend_pid() and l.mode in ('RowShareLock', 'RowExclusiveLock')
            and l.relation in ('stepgres.runs'::regclass, 'stepgres.workflows'::regclass)
    ) then
        raise exception 'workflow "%" is being deleted', _wait_for_deletion.workflow_slug
            using errcode = 'SG002',
                hint = 'The deletion may be waiting for locks of this transaction: '
                    'roll the transaction back, and try again.';
    end if;
    perform 1 from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version)
        = (_wait_for_deletion.workflow_slug, _wait_for_deletion.version)
    for key share;
end
$$;

comment on function stepgres._wait_for_deletion(text, int) is
'Waits until a delete_flow under way ends, and keeps the next delete_flow waiting.

Raises SG002 if this transaction and the deletion might wait for each other.';

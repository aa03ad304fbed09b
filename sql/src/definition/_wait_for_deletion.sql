create function stepgres._wait_for_deletion(workflow_slug text, version int) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The deletion waits for runs, and for definitions: whoever has locked any must not wait for it.
    if exists (
        select from pg_locks as l
        where l.pid = pg_backend_pid() and l.mode in ('RowShareLock', 'RowExclusiveLock')
            and l.relation in ('stepgres.runs'::regclass, 'stepgres.workflows'::regclass)
    ) then
        raise exception 'workflow "%" is being deleted', _wait_for_deletion.workflow_slug
            using errcode = 'SG002', hint = 'The deletion may be waiting for what this transaction has done before: '
                'roll it back, and try it again.';
    end if;
    perform 1 from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (_wait_for_deletion.workflow_slug, _wait_for_deletion.version)
    for key share;
end
$$;

comment on function stepgres._wait_for_deletion(text, int) is
'Waits for the end of a delete_flow, and keeps the next one waiting; SG002 if the two might wait for each other.';

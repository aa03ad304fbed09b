create function stepgres._lock_replaced(
    workflow_slug text, version int, unique_key text, is_waiting boolean, parent_run_id uuid
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := (
        stepgres._use_version(_lock_replaced.workflow_slug, _lock_replaced.version)
    ).workflow_slug;
begin
    perform stepgres._lock_runs(_lock_replaced.parent_run_id || stepgres._list_family(array(
        select u.run_id from stepgres.unique_runs as u
        where u.workflow_slug = v_slug and u.unique_key = _lock_replaced.unique_key
            and (u.is_waiting or not _lock_replaced.is_waiting)
    )));
end
$$;

comment on function stepgres._lock_replaced(text, int, text, boolean, uuid) is
'Locks the runs that a start changes, and the parent of the new run: runs are locked in one order.

The runs have the unique_key: all of them, or (is_waiting) the one that waits.';

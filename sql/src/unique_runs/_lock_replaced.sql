create function stepgres._lock_replaced(options stepgres.runs, is_waiting boolean) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := (stepgres._use_version(options.workflow_slug, options.version)).workflow_slug;
begin
    perform stepgres._lock_runs(options.parent_run_id || stepgres._list_family(array(
        select u.run_id from stepgres.unique_runs as u
        where u.workflow_slug = v_slug and u.unique_key = options.unique_key
            and (u.is_waiting or not _lock_replaced.is_waiting)
    )));
end
$$;

comment on function stepgres._lock_replaced(stepgres.runs, boolean) is
'Locks the runs that a start changes, and the parent of the new run: runs are locked in one order.

The runs have the unique_key: all of them, or (is_waiting) the one that waits.';

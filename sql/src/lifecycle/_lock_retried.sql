create function stepgres._lock_retried(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_children uuid[] := array(
        select c.run_id from stepgres.child_changes as c
        join stepgres.runs as r on r.run_id = c.run_id
        where c.change = 'cancel' and r.parent_run_id = any (_lock_retried.run_ids)
    );
begin
    perform stepgres._lock_with_parents(v_children || _lock_retried.run_ids);
    -- A child that tick would cancel is cancelled now: the retry continues it.
    perform stepgres._cancel_children_of(v_children) where v_children <> '{}';
end
$$;

comment on function stepgres._lock_retried(uuid[]) is
'Locks runs that are to be retried, with their parents, and ends their children.';

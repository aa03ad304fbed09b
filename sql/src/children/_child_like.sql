create function stepgres._child_like(parent_run_id uuid, step_slug text) returns stepgres.runs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_parent stepgres.runs := stepgres._find_run(_child_like.parent_run_id);
    v_child stepgres.runs;
begin
    v_child.parent_run_id := v_parent.run_id;
    v_child.depth := coalesce(v_parent.depth, 0) + 1;
    v_child.tags := v_parent.tags;
    v_child.traceparent := v_parent.traceparent;
    v_child.failure_of := v_parent.failure_of;
    -- A step of priority 0 says nothing about its child: the steps of the child keep theirs.
    v_child.priority := coalesce(v_parent.priority, (
        select nullif(s.priority::int, 0) from stepgres.steps as s
        where (s.workflow_slug, s.version, s.step_slug)
            = (v_parent.workflow_slug, v_parent.version, _child_like.step_slug)
    ));
    -- The end of an executor that is being ended might miss the child.
    if stepgres._holds_worker(v_parent.executor_id) then
        v_child.executor_id := v_parent.executor_id;
    end if;
    return v_child;
end
$$;

comment on function stepgres._child_like(uuid, text) is
'Returns what the children of a step get from their parent, as a prototype for _start_runs.

These are the priority, the tags, the executor, the failure_of, the traceparent, and a depth one
more than that of the parent.';

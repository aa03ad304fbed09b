create function stepgres._close_waits_of(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_children uuid[];
begin
    with closed as (
        update stepgres.waits as w
        set resolved_at = v_now, outcome = 'cancelled', is_new = false
        from unnest(_close_waits_of.tasks) as k
        where (w.run_id, w.step_slug, w.task_index) = (k.run_id, k.step_slug, k.task_index)
            and w.resolved_at is null
        returning w.child_run_id, w.is_detached
    )
    select array_agg(c.child_run_id) into v_children
    from closed as c
    join stepgres.runs as r on r.run_id = c.child_run_id and r.status = 'started'
    where not c.is_detached;
    perform stepgres._note_cancellations(
        v_children, 'the step that waited for the run has ended'
    );
end
$$;

comment on function stepgres._close_waits_of(stepgres._task_key[]) is
'Cancels the open waits of tasks that have ended without them, and lets tick cancel their children.

A child that is detached goes on. The caller has locked the runs of the tasks, and may not wait for
locks of the children.';

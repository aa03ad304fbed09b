create function stepgres._drop_children(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_children uuid[];
begin
    with dropped as (
        update stepgres.waits as w
        set resolved_at = v_now, outcome = 'cancelled'
        from unnest(_drop_children.tasks) as k
        where (w.run_id, w.step_slug, w.task_index) = (k.run_id, k.step_slug, k.task_index)
            and w.resolved_at is null and w.kind = 'child'
        returning w.child_run_id
    )
    select array_agg(d.child_run_id) into v_children
    from dropped as d
    join stepgres.runs as c on c.run_id = d.child_run_id and c.status = 'started';
    perform stepgres._note_cancellations(
        v_children, 'the step that waited for the run has ended'
    );
end
$$;

comment on function stepgres._drop_children(stepgres._task_key[]) is
'Ends the waits of tasks for child runs, and lets tick cancel these runs.

The caller has locked the parents, and may not wait for locks of their children.';

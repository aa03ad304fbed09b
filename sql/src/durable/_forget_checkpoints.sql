create function stepgres._forget_checkpoints(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from stepgres.checkpoints as c
    using unnest(_forget_checkpoints.tasks) as k
    where (c.run_id, c.step_slug, c.task_index) = (k.run_id, k.step_slug, k.task_index);
    delete from stepgres.suspensions as s
    using unnest(_forget_checkpoints.tasks) as k
    where (s.run_id, s.step_slug, s.task_index) = (k.run_id, k.step_slug, k.task_index);
    -- Runs that the body waited for are cancelled. A detached run goes on, and its wait is kept as
    -- long, under a name that no body uses.
    perform stepgres._close_waits_of(_forget_checkpoints.tasks);
    update stepgres.waits as w
    set name = format('left %s', w.wait_id)
    from unnest(_forget_checkpoints.tasks) as k
    where (w.run_id, w.step_slug, w.task_index) = (k.run_id, k.step_slug, k.task_index)
        and w.is_detached and w.name <> format('left %s', w.wait_id);
    with forgotten as (
        delete from stepgres.waits as w
        using unnest(_forget_checkpoints.tasks) as k
        where (w.run_id, w.step_slug, w.task_index) = (k.run_id, k.step_slug, k.task_index)
            and w.name <> '' and not (w.is_detached and exists (
                select from stepgres.runs as r
                where r.run_id = w.child_run_id and r.status = 'started'
            ))
        returning w.wait_id, w.signal_id
    ),
    undecided as (
        delete from stepgres.decisions as d
        using forgotten as f
        where d.wait_id = f.wait_id
    )
    delete from stepgres.signals as s
    using forgotten as f
    where s.signal_id = f.signal_id;
end
$$;

comment on function stepgres._forget_checkpoints(stepgres._task_key[]) is
'Deletes the checkpoints and waits of tasks, with the signals and decisions of these waits.

The child runs of the waits are cancelled by tick, unless they are detached.';

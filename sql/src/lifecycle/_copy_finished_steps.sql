create function stepgres._copy_finished_steps(copies stepgres._run_copy[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := array(select c.run_id from unnest(_copy_finished_steps.copies) as c);
begin
    -- materialized, and offset 0 below: the planner looks up a step of a run by its whole key, and
    -- does not read all steps of the run
    with finished as materialized (
        select o.*, c.run_id as new_run_id, c.outputs -> o.step_slug as new_output
        from unnest(_copy_finished_steps.copies) as c
        join stepgres.step_states as o on o.run_id = c.source
        where o.status in ('completed', 'skipped') and o.step_slug <> all (c.fresh)
    )
    update stepgres.step_states as t
    set status = o.status, remaining_deps = 0, initial_tasks = o.initial_tasks,
        remaining_tasks = o.remaining_tasks, expanded_tasks = o.expanded_tasks,
        skipped_tasks = o.skipped_tasks, started_at = o.started_at, finished_at = o.finished_at,
        skip_reason = o.skip_reason, error = o.error, output = coalesce(o.new_output, o.output)
    from finished as o
    where t.run_id = o.new_run_id and t.step_slug = o.step_slug and t.map = o.map;

    -- The new run has only the attempt that completed a task.
    insert into stepgres.tasks (
        run_id, step_slug, task_index, status, attempt, worker_id, queued_at, started_at,
        finished_at, error, input, output
    )
    select c.run_id, o.step_slug, o.task_index, o.status,
        case o.status when 'completed' then 1 else 0 end,
        o.worker_id, o.queued_at, o.started_at, o.finished_at, o.error, o.input,
        case when o.status = 'completed' and s.map
            then coalesce(c.outputs -> o.step_slug -> o.task_index, o.output)
            else o.output
        end
    from unnest(_copy_finished_steps.copies) as c
    join stepgres.step_states as n on n.run_id = c.run_id and n.finished_at is not null
    cross join lateral (
        select f.* from stepgres.step_states as f
        where f.run_id = c.source and f.step_slug = n.step_slug offset 0
    ) as s
    cross join lateral (
        select k.* from stepgres.tasks as k
        where k.run_id = s.run_id and k.step_slug = s.step_slug offset 0
    ) as o;

    perform stepgres._count_ends(v_run_ids);
    update stepgres.step_states as t
    set remaining_deps = (
        select count(*)
        from stepgres.dependencies as d
        cross join lateral (
            select k.finished_at from stepgres.step_states as k
            where k.run_id = t.run_id and k.step_slug = d.depends_on offset 0
        ) as o
        where (d.workflow_slug, d.version, d.step_slug) = (r.workflow_slug, r.version, t.step_slug)
            and o.finished_at is null
    )
    from stepgres.runs as r
    where r.run_id = any (v_run_ids) and t.run_id = r.run_id
        and t.finished_at is null;
end
$$;

comment on function stepgres._copy_finished_steps(stepgres._run_copy[]) is
'Copies the completed and skipped steps that are not fresh into the new runs.

The new runs have not begun: all their steps are in the status created. A step that the version of
the new run has not, or not as a map or single step as before, is not copied.';

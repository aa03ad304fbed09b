create function stepgres._copy_finished_steps(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- materialized, and offset 0 below: the planner looks up a step of a run by its whole key, and
    -- does not read all steps of the run
    with finished as materialized (
        select o.*, r.run_id as new_run_id
        from stepgres.runs as r
        join stepgres.step_states as o on o.run_id = r.retried_from
        where r.run_id = any (_copy_finished_steps.run_ids) and o.status in ('completed', 'skipped')
    )
    update stepgres.step_states as t
    set status = o.status, remaining_deps = 0, initial_tasks = o.initial_tasks,
        remaining_tasks = o.remaining_tasks, expanded_tasks = o.expanded_tasks,
        skipped_tasks = o.skipped_tasks, started_at = o.started_at, finished_at = o.finished_at,
        skip_reason = o.skip_reason, error = o.error, output = o.output
    from finished as o
    where t.run_id = o.new_run_id and t.step_slug = o.step_slug;

    -- The new run has only the attempt that completed a task.
    insert into stepgres.tasks (
        run_id, step_slug, task_index, status, attempt, worker_id, queued_at, started_at,
        finished_at, error, input, output
    )
    select r.run_id, o.step_slug, o.task_index, o.status,
        case o.status when 'completed' then 1 else 0 end,
        o.worker_id, o.queued_at, o.started_at, o.finished_at, o.error, o.input, o.output
    from stepgres.runs as r
    join stepgres.step_states as s on s.run_id = r.retried_from
    cross join lateral (
        select k.* from stepgres.tasks as k
        where k.run_id = s.run_id and k.step_slug = s.step_slug offset 0
    ) as o
    where r.run_id = any (_copy_finished_steps.run_ids) and s.status in ('completed', 'skipped');

    perform stepgres._count_ends(_copy_finished_steps.run_ids);
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
    where r.run_id = any (_copy_finished_steps.run_ids) and t.run_id = r.run_id
        and t.finished_at is null;
end
$$;

comment on function stepgres._copy_finished_steps(uuid[]) is
'Copies the completed and skipped steps of the retried runs into the new runs.

The new runs have not begun: all their steps are in the status created.';

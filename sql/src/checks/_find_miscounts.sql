create function stepgres._find_miscounts() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with finished_dependencies as (
        select t.run_id, d.step_slug, count(*) filter (where t.finished_at is null) as unfinished
        from stepgres.runs as r
        join stepgres.step_states as t on t.run_id = r.run_id
        join stepgres.dependencies as d
            on (d.workflow_slug, d.version, d.depends_on)
                = (r.workflow_slug, r.version, t.step_slug)
        group by t.run_id, d.step_slug
    ),
    counted_tasks as (
        select t.run_id, t.step_slug, count(*) as tasks,
            count(*) filter (where t.finished_at is not null) as finished,
            count(*) filter (where t.finished_at is null) as unfinished
        from stepgres.tasks as t
        group by t.run_id, t.step_slug
    ),
    unfinished_dependents as (
        select t.run_id, d.depends_on
        from stepgres.runs as r
        join stepgres.step_states as t on t.run_id = r.run_id and t.finished_at is null
        join stepgres.dependencies as d
            on (d.workflow_slug, d.version, d.step_slug)
                = (r.workflow_slug, r.version, t.step_slug)
        group by t.run_id, d.depends_on
    ),
    counted_ends as (
        select t.run_id, count(*) filter (where d.run_id is null) as ends,
            count(*) filter (where (d.run_id is null) <> t.is_end) as wrong
        from stepgres.step_states as t
        left join unfinished_dependents as d
            on d.run_id = t.run_id and d.depends_on = t.step_slug
        where t.finished_at is null
        group by t.run_id
    )
    select 'remaining_deps equals a recount', t.run_id,
        format('step %s: %s, counted %s', t.step_slug, t.remaining_deps, coalesce(f.unfinished, 0))
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id and r.status = 'started'
    left join finished_dependencies as f on f.run_id = t.run_id and f.step_slug = t.step_slug
    where t.finished_at is null and t.remaining_deps <> coalesce(f.unfinished, 0)
    union all
    select 'remaining_tasks equals a recount', t.run_id,
        format('step %s: %s, counted %s', t.step_slug, t.remaining_tasks,
            t.initial_tasks - coalesce(c.finished, 0))
    from stepgres.step_states as t
    left join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status in ('started', 'completed')
        and t.remaining_tasks <> t.initial_tasks - coalesce(c.finished, 0)
    union all
    select 'a started step has the tasks that it has expanded', t.run_id,
        format('step %s: %s tasks', t.step_slug, coalesce(c.tasks, 0))
    from stepgres.step_states as t
    left join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status in ('started', 'completed')
        and coalesce(c.tasks, 0) <> case when t.map then t.expanded_tasks else t.initial_tasks end
    union all
    select 'a step that waits, or has ended, has no unfinished task', t.run_id,
        format('step %s', t.step_slug)
    from stepgres.step_states as t
    join counted_tasks as c on c.run_id = t.run_id and c.step_slug = t.step_slug
    where t.status <> 'started' and c.unfinished > 0
    union all
    select 'remaining_ends equals a recount', r.run_id,
        format('%s, counted %s; %s steps are marked wrongly', r.remaining_ends,
            coalesce(c.ends, 0), coalesce(c.wrong, 0))
    from stepgres.runs as r
    left join counted_ends as c on c.run_id = r.run_id
    where r.remaining_ends <> coalesce(c.ends, 0) or c.wrong > 0
    union all
    select 'skipped_tasks equals a recount', t.run_id,
        format('step %s: %s', t.step_slug, t.skipped_tasks)
    from stepgres.step_states as t
    where t.status in ('started', 'completed') and t.skipped_tasks <> (
        select count(*) from stepgres.tasks as k
        where k.run_id = t.run_id and k.step_slug = t.step_slug and k.status = 'skipped'
    )
$$;

comment on function stepgres._find_miscounts() is
'Returns counters that differ from a recount: part of fsck.';

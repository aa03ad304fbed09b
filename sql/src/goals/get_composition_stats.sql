create function stepgres.get_composition_stats(workflow_slug text default null)
returns stepgres.composition_stats
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    with counted_graphs as (
        select count(*) as task_graphs,
            count(*) filter (where g.status = 'decomposed') as decomposed,
            count(*) filter (where g.status = 'approved') as approved,
            count(*) filter (where g.status = 'rejected') as rejected
        from stepgres.task_graphs as g
        where g.workflow_slug = get_composition_stats.workflow_slug
            or get_composition_stats.workflow_slug is null
    ),
    counted_runs as (
        select count(*) as runs, count(*) filter (where r.status = 'started') as in_progress,
            count(*) filter (where r.status = 'completed') as completed,
            count(*) filter (where r.status = 'failed') as failed,
            avg(r.finished_at - r.inserted_at)
                filter (where r.status = 'completed') as mean_duration,
            max(r.finished_at - r.inserted_at)
                filter (where r.status = 'completed') as longest_duration
        from stepgres.runs as r
        where r.task_graph_id is not null
            and (
                r.workflow_slug = get_composition_stats.workflow_slug
                or get_composition_stats.workflow_slug is null
            )
    )
    select g.task_graphs, g.decomposed, g.approved, g.rejected, r.runs, r.in_progress, r.completed,
        r.failed, r.mean_duration, r.longest_duration
    from counted_graphs as g cross join counted_runs as r
$$;

comment on function stepgres.get_composition_stats(text) is
'Counts the task graphs by status, and their runs by how they ended.

The function counts all task graphs, or only the task graphs of one workflow. Runs of task graphs
that were deleted since count too; other runs of the same workflow do not.';

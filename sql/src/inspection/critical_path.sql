create function stepgres.critical_path(run_id uuid) returns setof stepgres.critical_step
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(critical_path.run_id);
    v_end timestamptz := coalesce(v_run.finished_at, stepgres._now());
begin
    return query
    with recursive path as (
        (
            -- A step that was under way to the end comes before finished steps, and of several
            -- the one that began first. A retry has copied steps that ended before it began.
            select t as step, 0 as place
            from stepgres.step_states as t
            -- offset 0: the statistics may be older than a run with many steps
            left join lateral (
                select o.step_index from stepgres.steps as o
                where (o.workflow_slug, o.version, o.step_slug)
                    = (v_run.workflow_slug, v_run.version, t.step_slug)
                offset 0
            ) as s on true
            where t.run_id = v_run.run_id and t.started_at is not null
                and (t.finished_at is null or t.finished_at >= v_run.inserted_at)
            order by t.step_slug = v_run.failed_step desc nulls last,
                v_run.status <> 'completed' and t.status in ('started', 'cancelled') desc,
                case when t.status in ('started', 'cancelled') then t.started_at end,
                t.finished_at desc, s.step_index desc
            limit 1
        )
        union all
        select b.step, p.place + 1
        from path as p
        cross join lateral (
            select t.step
            from stepgres.dependencies as d
            cross join lateral (
                select o as step from stepgres.step_states as o
                where (o.run_id, o.step_slug) = (v_run.run_id, d.depends_on) offset 0
            ) as t
            where (d.workflow_slug, d.version, d.step_slug)
                = (v_run.workflow_slug, v_run.version, (p.step).step_slug)
                and (t.step).finished_at >= v_run.inserted_at
            order by (t.step).finished_at desc, d.dependency_index desc
            limit 1
        ) as b
    )
    select l.*
    from (
        select p.step, p.place,
            lead((p.step).finished_at, 1, v_run.inserted_at) over (order by p.place) as since
        from path as p
    ) as p
    cross join lateral stepgres._spent(
        v_run, p.step, p.since, coalesce((p.step).finished_at, v_end)
    ) as l
    order by p.place desc;
end
$$;

comment on function stepgres.critical_path(uuid) is
'Returns the chain of steps that the time of a run went to, and where the time of each step went.

The chain ends with the step that finished last, that failed the run, or that an active run has
been at for longest. Before each step comes the dependency that finished last. Of a map step, the
task that finished last counts. A faster step beside the chain would not make the run faster.

The time from the end of the dependency to the end of the step is divided:
queued: the task was in its queue, until a worker claimed it;
limited: the run or task stood in a line for room under a limit;
waited: for a signal, an approval or the end of a sleep, start_delay or start_at, or the step could
not start, because its run was delayed or paused;
retrying: attempts that failed, and the time between the attempts;
running: the body was executing, or the child run that is the body of the step.

Some of this is an estimate, because not every time is stored. Before a retry only the start and end
of the failed attempts are known: the time between them counts as retrying, also where the task was
in its queue. The time in a line includes the time in which there was room but no free worker. The
time of a claim whose task was released counts as the time before it. A pause counts as the state in
which the pause found the task. A task of a large map is queued while tasks before it are executed.

A run that retries another has only the steps that it has executed itself. A run that has started no
step has no rows.

Errors: SG005 unknown run.';

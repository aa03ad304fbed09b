create function stepgres._exhaust_tasks(exhausted stepgres._exhausted_task[])
returns stepgres._step_key[]
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_failures stepgres._run_failure[];
    v_intolerable stepgres._run_failure[];
    v_maps stepgres._step_key[];
    v_skips stepgres._skip[];
    v_skipped stepgres._step_key[];
begin
    select
        array_agg((
            e.run_id, e.step_slug, m.error
        )::stepgres._run_failure) filter (where e.policy = 'fail'),
        array_agg((
            e.run_id, e.step_slug, 'attempts_exhausted', m.error, e.policy = 'skip-cascade'
        )::stepgres._skip) filter (
            where e.policy = 'skip-cascade' or (e.policy = 'skip' and not t.map)
        )
    into v_failures, v_skips
    from (
        -- The first task of a step gives the error for the step and the run.
        select distinct on (u.run_id, u.step_slug) u.*
        from unnest(_exhaust_tasks.exhausted) as u
        order by u.run_id, u.step_slug, u.task_index
    ) as e
    join stepgres.step_states as t on t.run_id = e.run_id and t.step_slug = e.step_slug
    cross join lateral format(
        'step "%s" failed%s: %s', e.step_slug, case when t.map then ' at task ' || e.task_index end,
        e.error
    ) as m (error);

    -- A map with when_exhausted = skip goes on without its exhausted tasks.
    with counted as (
        update stepgres.step_states as t
        set remaining_tasks = t.remaining_tasks - e.tasks, skipped_tasks = t.skipped_tasks + e.tasks
        from (
            select u.run_id, u.step_slug, count(*) as tasks,
                (array_agg(u.error order by u.task_index))[1] as error
            from unnest(_exhaust_tasks.exhausted) as u
            where u.policy = 'skip'
            group by u.run_id, u.step_slug
        ) as e
        where t.run_id = e.run_id and t.step_slug = e.step_slug and t.map
        returning t.run_id, t.step_slug, t.skipped_tasks, t.initial_tasks, e.error
    )
    select
        array_agg((
            c.run_id, c.step_slug,
            format(
                'step "%s" failed: %s of %s tasks failed, and max_failed is %s: %s',
                c.step_slug, c.skipped_tasks, c.initial_tasks, s.max_failed, c.error
            )
        )::stepgres._run_failure) filter (where o.is_over),
        array_agg((c.run_id, c.step_slug)::stepgres._step_key) filter (where o.is_over is not true)
    into v_intolerable, v_maps
    from counted as c
    join stepgres.runs as r on r.run_id = c.run_id
    cross join lateral (
        select def.* from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, c.step_slug)
        offset 0
    ) as s
    cross join lateral (
        select c.skipped_tasks > case
            when s.max_failed like '%\%'
                then c.initial_tasks * rtrim(s.max_failed, '%')::numeric / 100
            else s.max_failed::numeric
        end as is_over
    ) as o;

    -- Failures come first: a run that fails skips nothing more.
    perform stepgres._fail_steps(v_failures || v_intolerable);
    v_skipped := stepgres._skip_steps(v_skips);
    perform stepgres._withdraw_tasks(
        array(
            select (k.run_id, k.step_slug)::stepgres._step_key
            from unnest(v_skips) as k where k.is_cascade
        ),
        'cancelled'
    );
    return v_skipped || stepgres._refill_maps(v_maps);
end
$$;

comment on function stepgres._exhaust_tasks(stepgres._exhausted_task[]) is
'Fails or skips tasks without attempts left, as when_exhausted of their steps says.

Returns the steps that are finished by this without being failed.';

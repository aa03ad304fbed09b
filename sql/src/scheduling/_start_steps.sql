create function stepgres._start_steps(ready stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_failures stepgres._run_failure[];
    v_skips stepgres._skip[];
    v_finished stepgres._step_key[];
    v_tasks stepgres._new_task[];
    v_maps stepgres._step_key[];
begin
    if ready is null then
        return null;
    end if;
    select
        array_agg((
            k.run_id, k.step_slug,
            format(
                'step "%s" failed: its condition %s', k.step_slug,
                coalesce('cannot be evaluated: ' || j.error, 'is not met')
            )
        )::stepgres._run_failure) filter (where j.error is not null or s.when_unmet = 'fail'),
        array_agg((
            k.run_id, k.step_slug, 'condition_unmet', null, s.when_unmet = 'skip-cascade'
        )::stepgres._skip) filter (where j.error is null and s.when_unmet <> 'fail')
    into v_failures, v_skips
    from unnest(_start_steps.ready) as k
    join stepgres.runs as r on r.run_id = k.run_id
    cross join lateral (
        select def.* from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, k.step_slug)
        offset 0
    ) as s
    cross join lateral stepgres._judge(k.run_id, k.step_slug, s.condition, s.unless) as j
    where (s.condition is not null or s.unless is not null) and j.may_start is not true;

    perform stepgres._fail_steps(v_failures);
    v_finished := stepgres._skip_steps(v_skips) || stepgres._complete_gathering_steps(
        _start_steps.ready
    );

    with started as (
        update stepgres.step_states as t
        set status = 'started', started_at = v_now, initial_tasks = 1, remaining_tasks = 1
        from unnest(_start_steps.ready) as k
        where t.run_id = k.run_id and t.step_slug = k.step_slug and not t.map
            and t.status = 'created'
        returning t.run_id, t.step_slug
    )
    select array_agg((s.run_id, s.step_slug, 0, null)::stepgres._new_task) into v_tasks
    from started as s;
    perform stepgres._queue_or_delay_tasks(v_tasks);
    select array_agg((t.run_id, t.step_slug)::stepgres._step_key) into v_maps
    from unnest(_start_steps.ready) as k
    join stepgres.step_states as t on t.run_id = k.run_id and t.step_slug = k.step_slug
    where t.map and t.status = 'created';
    return v_finished || stepgres._start_maps(v_maps);
end
$$;

comment on function stepgres._start_steps(stepgres._step_key[]) is
'Starts, skips or fails steps that became ready, according to their conditions.

Returns the steps that are finished at once.';

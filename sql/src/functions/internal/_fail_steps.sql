create function stepgres._fail_steps(exhausted stepgres._task_failure[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_failures stepgres._run_failure[];
begin
    if exhausted is null then
        return;
    end if;
    with failed as (
        update stepgres.step_states as t
        set status = 'failed', finished_at = v_now, error = format(
            'step "%s" failed%s: %s', t.step_slug, case when t.map then ' at task ' || f.task_index end, f.error
        )
        from (
            select distinct on (e.run_id, e.step_slug) e.*
            from unnest(_fail_steps.exhausted) as e
            order by e.run_id, e.step_slug, e.task_index
        ) as f
        where t.run_id = f.run_id and t.step_slug = f.step_slug
        returning t.run_id, t.step_slug, t.error
    ),
    first_failed as (
        select distinct on (f.run_id) f.run_id, f.step_slug, f.error
        from failed as f
        order by f.run_id, f.step_slug
    )
    select array_agg((f.run_id, f.step_slug, f.error)::stepgres._run_failure) into v_failures
    from first_failed as f;
    perform stepgres._fail_runs(v_failures);
end
$$;

comment on function stepgres._fail_steps(stepgres._task_failure[]) is
'Fails the steps of exhausted tasks, and their runs.';

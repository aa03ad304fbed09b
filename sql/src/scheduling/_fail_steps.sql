create function stepgres._fail_steps(failures stepgres._run_failure[]) returns void
language plpgsql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    update stepgres.step_states as t
    set status = 'failed', finished_at = v_now, error = f.error
    from unnest(_fail_steps.failures) as f
    join stepgres.runs as r on r.run_id = f.run_id and r.status = 'started'
    where t.run_id = f.run_id and t.step_slug = f.step_slug;
    perform stepgres._fail_runs(array(
        select distinct on (f.run_id) (f.run_id, f.step_slug, f.error)::stepgres._run_failure
        from unnest(_fail_steps.failures) as f
        order by f.run_id, f.step_slug
    ));
end
$$;

comment on function stepgres._fail_steps(stepgres._run_failure[]) is
'Fails steps, and their runs with the error of the first failed step.';

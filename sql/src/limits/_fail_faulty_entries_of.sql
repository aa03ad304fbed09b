create function stepgres._fail_faulty_entries_of(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_entries stepgres.line_entries[];
begin
    with faulty as (
        delete from stepgres.line_entries as e
        where e.run_id = any (_fail_faulty_entries_of.run_ids) and e.fault is not null
        returning e
    )
    select array_agg(f.e) into v_entries from faulty as f;
    perform stepgres._fail_runs(array_agg(
        (f.run_id, null, f.fault)::stepgres._run_failure
    ))
    from unnest(v_entries) as f
    join stepgres.runs as r on r.run_id = f.run_id and r.status = 'started'
    where f.step_slug = ''
    having count(*) > 0;
    perform stepgres._advance(stepgres._fail_tasks((
        select array_agg((
            t.run_id, t.step_slug, t.task_index, t.attempt + 1, f.fault, false, null, null,
            null, null
        )::stepgres._task_failure)
        from unnest(v_entries) as f
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (f.run_id, f.step_slug, f.task_index)
        where t.status = 'queued'
    )));
    return cardinality(v_entries);
end
$$;

comment on function stepgres._fail_faulty_entries_of(uuid[]) is
'Fails the tasks and runs of locked runs that cannot stand in a line, and returns their number.';

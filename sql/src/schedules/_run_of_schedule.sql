create function stepgres._run_of_schedule(schedule stepgres.schedules) returns stepgres.runs
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_options jsonb := (_run_of_schedule.schedule).options;
    v_run stepgres.runs;
begin
    v_run.workflow_slug := (_run_of_schedule.schedule).workflow_slug;
    v_run.version := (v_options ->> 'version')::numeric::int;
    v_run.priority := (v_options ->> 'priority')::numeric::int;
    v_run.deadline := stepgres._seconds(v_options -> 'deadline');
    if jsonb_typeof(v_options -> 'tags') = 'array' then
        v_run.tags := array(select jsonb_array_elements_text(v_options -> 'tags'));
    end if;
    return v_run;
end
$$;

comment on function stepgres._run_of_schedule(stepgres.schedules) is
'Returns the run that the options of a schedule ask for, not checked.';

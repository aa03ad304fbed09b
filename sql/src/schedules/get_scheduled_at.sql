create function stepgres.get_scheduled_at(run_id uuid) returns timestamptz
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_id uuid := get_scheduled_at.run_id;
    v_due_at timestamptz;
begin
    -- A retry is meant for the due time of the run that it retries.
    loop
        select s.due_at into v_due_at from stepgres.schedule_runs as s where s.run_id = v_run_id;
        exit when found;
        select r.retried_from into v_run_id from stepgres.runs as r where r.run_id = v_run_id;
        exit when v_run_id is null;
    end loop;
    return v_due_at;
end
$$;

comment on function stepgres.get_scheduled_at(uuid) is
'Returns the due time that a run was started for; null for a run that no schedule has started.

A retry has the due time of the run that it retries.';

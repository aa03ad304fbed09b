create function stepgres._keep_key(run stepgres.runs) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if run.unique_key is not null and not stepgres._take_key(run, is_waiting => false) then
        perform stepgres._run_is_active(run, (
            select u.run_id from stepgres.unique_runs as u
            where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
            order by u.is_waiting
            limit 1
        ));
    end if;
end
$$;

comment on function stepgres._keep_key(stepgres.runs) is
'Takes the unique_key of a retry or fork, if it has one; raises SG038 if an active run has it.';

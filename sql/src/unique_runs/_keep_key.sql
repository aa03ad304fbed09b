create function stepgres._keep_key(run stepgres.runs) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_active uuid;
begin
    if run.unique_key is null then
        return;
    end if;
    while not stepgres._take_key(run, is_waiting => false) loop
        select u.run_id into v_active from stepgres.unique_runs as u
        where u.workflow_slug = run.workflow_slug and u.unique_key = run.unique_key
        order by u.is_waiting
        limit 1;
        if found then
            perform stepgres._run_is_active(run, v_active);
        end if;
    end loop;
end
$$;

comment on function stepgres._keep_key(stepgres.runs) is
'Takes the unique_key of a retry or fork, if it has one; raises SG038 if an active run has it.';

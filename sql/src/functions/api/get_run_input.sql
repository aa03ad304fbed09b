create function stepgres.get_run_input(run_id uuid) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_input jsonb;
begin
    select r.input into v_input from stepgres.runs as r where r.run_id = get_run_input.run_id;
    if not found then
        perform stepgres._run_not_found(get_run_input.run_id);
    end if;
    return v_input;
end
$$;

comment on function stepgres.get_run_input(uuid) is
'The input that a run was started with.

Errors: SG005 unknown run.';

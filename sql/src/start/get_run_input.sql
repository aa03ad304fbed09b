create function stepgres.get_run_input(run_id uuid) returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select (stepgres._find_run(get_run_input.run_id)).input
$$;

comment on function stepgres.get_run_input(uuid) is
'Returns the input that a run was started with.

Errors: SG005 unknown run.';

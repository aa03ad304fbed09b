create function stepgres._judge(
    run_id uuid, step_slug text, condition jsonpath, unless jsonpath, out may_start boolean,
    out error text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_input jsonb;
begin
    v_input := (
        select i.input from stepgres._step_inputs as i
        where i.run_id = _judge.run_id and i.step_slug = _judge.step_slug
    );
    may_start := (condition is null or stepgres._is_met(condition, v_input))
        and (unless is null or not stepgres._is_met(unless, v_input));
exception when program_limit_exceeded or data_exception or internal_error then
    -- Only the run of this step is at fault, and no other run that moves in the same call.
    error := sqlerrm;
end
$$;

comment on function stepgres._judge(uuid, text, jsonpath, jsonpath) is
'Says whether the conditions of a ready step let it start, or why this cannot be known (error).';

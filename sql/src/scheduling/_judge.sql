create function stepgres._judge(
    run_id uuid, step_slug text, condition jsonpath, unless jsonpath, out may_start boolean, out error text
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
    -- the run of this step is at fault, and no other that moves in the same call
    error := sqlerrm;
end
$$;

comment on function stepgres._judge(uuid, text, jsonpath, jsonpath) is
'Whether a step that is ready may start by its conditions, or why that cannot be known.';

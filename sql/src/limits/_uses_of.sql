create function stepgres._uses_of(run_id uuid, step_slug text, uses jsonb, input jsonb)
returns stepgres._limit_uses
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_input jsonb := _uses_of.input;
    v_uses stepgres._limit_uses;
begin
    -- Without paths the input does not matter, and is not built.
    if v_input is null and exists (
        select from jsonb_array_elements(_uses_of.uses) as u
        where u ?| '{key,fair_by}' or jsonb_typeof(u -> 'weight') = 'string'
    ) then
        select i.input into v_input from stepgres._step_inputs as i
        where i.run_id = _uses_of.run_id and i.step_slug = _uses_of.step_slug;
    end if;
    v_uses := stepgres._limit_uses(_uses_of.uses, v_input);
    -- A simulation has limits for itself.
    if stepgres._simulator() is not null then
        v_uses.keys := array(
            select k || ' simulated' from unnest(v_uses.keys) with ordinality as u (k, number)
            order by u.number
        );
    end if;
    return v_uses;
exception when program_limit_exceeded or data_exception then
    v_uses.fault := 'its limits cannot be applied to its input: ' || sqlerrm;
    return v_uses;
end
$$;

comment on function stepgres._uses_of(uuid, text, jsonb, jsonb) is
'Evaluates the option limits for a task or run; without an input, over the input of its step.';

create function stepgres._definition_error(constraint_name text, culprit text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rule text;
begin
    select obj_description(c.oid, 'pg_constraint') into v_rule
    from pg_constraint as c
    where c.conname = _definition_error.constraint_name
        and c.connamespace = 'stepgres'::regnamespace;
    raise exception '%: %', _definition_error.culprit, coalesce(v_rule, 'violates ' || _definition_error.constraint_name)
        using errcode = 'SG001', hint = 'Correct the definition; nothing of it was stored.';
end
$$;

comment on function stepgres._definition_error(text, text) is
'Raises SG001 with the comment of the violated constraint, so that a rule and its wording stand in one place.';

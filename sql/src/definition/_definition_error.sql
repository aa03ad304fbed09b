create function stepgres._definition_error(constraint_name text, culprit text, column_name text default null)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rule text;
begin
    select coalesce(obj_description(c.contypid, 'pg_type'), obj_description(c.oid, 'pg_constraint')) into v_rule
    from pg_constraint as c
    where c.conname = _definition_error.constraint_name and c.connamespace = 'stepgres'::regnamespace;
    -- a null where none may be comes without a constraint, but with its column
    raise exception '%: %', _definition_error.culprit, coalesce(
        v_rule,
        nullif(_definition_error.column_name, '') || ' must not be null',
        'violates ' || _definition_error.constraint_name
    )
        using errcode = 'SG001', hint = 'Correct the definition; nothing of it was stored.';
end
$$;

comment on function stepgres._definition_error(text, text, text) is
'Raises SG001 with the comment of the violated constraint or domain, so that a rule and its wording stand in one place.';

create function stepgres._definition_error(
    constraint_name text, culprit text, column_name text default null
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rule text;
begin
    select coalesce(obj_description(c.contypid, 'pg_type'), obj_description(c.oid, 'pg_constraint'))
    into v_rule
    from pg_constraint as c
    where c.conname = _definition_error.constraint_name
        and c.connamespace = 'stepgres'::regnamespace;
    -- A violation of not null has a column name and no constraint name.
    raise exception '%: %', _definition_error.culprit, coalesce(
        v_rule,
        nullif(_definition_error.column_name, '') || ' must not be null',
        'violates ' || _definition_error.constraint_name
    )
        using errcode = 'SG001', hint = 'Correct the definition; nothing of it was stored.';
end
$$;

comment on function stepgres._definition_error(text, text, text) is
'Raises SG001 with the comment of the violated constraint or domain.

So the wording of a rule stands in one place, beside the rule.';

create function stepgres._misfit(form jsonb, payload jsonb) returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_forms jsonb[] := array[form];
    v_values jsonb[] := array[payload];
    v_paths text[] := '{$}'::text[];
    v_form jsonb;
    v_value jsonb;
    v_type text;
    v_missing text;
    v_problem text;
    v_place int := 1;
    v_next record;
begin
    -- A queue and not a recursion: however a payload is made, at most 10,000 values are compared.
    while v_place <= cardinality(v_values) loop
        v_form := v_forms[v_place];
        v_value := v_values[v_place];
        v_type := jsonb_typeof(v_value);
        select min(r) into v_missing from jsonb_array_elements_text(v_form -> 'required') as r
        where v_type = 'object' and not v_value ? r;
        v_problem := case
            when v_form ->> 'type' = 'integer' and v_type = 'number' then case
                when v_value::numeric % 1 <> 0 then 'must be an integer'
            end
            when v_form ->> 'type' <> v_type then format(
                'must be %s, not %s',
                case v_form ->> 'type'
                    when 'object' then 'an object'
                    when 'array' then 'an array'
                    when 'integer' then 'an integer'
                    when 'null' then 'null'
                    else 'a ' || (v_form ->> 'type')
                end,
                case v_type when 'null' then 'null' when 'object' then 'an object'
                    when 'array' then 'an array' else 'a ' || v_type end
            )
        end;
        v_problem := coalesce(v_problem, case
            when v_missing is not null then format('has no "%s"', v_missing)
            when v_form ? 'enum' and (
                v_type in ('object', 'array') or not (v_form -> 'enum') @> v_value
            ) then format('must be one of %s', left(v_form ->> 'enum', 200))
            when v_type = 'number' and v_value::numeric < (v_form -> 'minimum')::numeric
                then format('must be at least %s', v_form -> 'minimum')
            when v_type = 'number' and v_value::numeric > (v_form -> 'maximum')::numeric
                then format('must be at most %s', v_form -> 'maximum')
            when v_type = 'string'
                and length(v_value #>> '{}') < (v_form -> 'minLength')::numeric
                then format('must have at least %s characters', v_form -> 'minLength')
            when v_type = 'string'
                and length(v_value #>> '{}') > (v_form -> 'maxLength')::numeric
                then format('must have at most %s characters', v_form -> 'maxLength')
            when v_type = 'string'
                and not stepgres._is_of_format(v_value #>> '{}', v_form ->> 'format')
                then case v_form ->> 'format'
                    when 'date' then 'must be a date such as "2026-11-28"'
                    else 'must be a time such as "2026-11-28T12:30:00Z"'
                end
        end);
        if v_problem is not null then
            return v_paths[v_place] || ' ' || v_problem;
        end if;
        for v_next in
            select p.value as form, v_value -> p.key as value, '.' || p.key as path
            from jsonb_each(v_form -> 'properties') as p
            where v_type = 'object' and v_value ? p.key
            union all
            select v_form -> 'items', e.value, format('[%s]', e.place - 1)
            from jsonb_array_elements(case when v_type = 'array' then v_value else '[]' end)
                with ordinality as e (value, place)
            where v_form ? 'items'
        loop
            v_forms := v_forms || v_next.form;
            v_values := v_values || v_next.value;
            v_paths := v_paths || (v_paths[v_place] || v_next.path);
            if cardinality(v_values) > 10000 then
                return v_paths[v_place] || ' brings the payload to more than 10,000 values';
            end if;
        end loop;
        v_place := v_place + 1;
    end loop;
    return null;
end
$$;

comment on function stepgres._misfit(jsonb, jsonb) is
'Returns where and why a payload does not fit a form, or null if it fits; see _form_fault.';

create function stepgres._form_fault(form jsonb) returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_forms jsonb[] := array[form];
    v_paths text[] := '{$}'::text[];
    v_depths int[] := '{1}'::int[];
    v_form jsonb;
    v_path text;
    v_fault text;
    v_place int := 1;
    v_key text;
    v_value jsonb;
begin
    if octet_length(form::text) > 16384 then
        return 'it has more than 16,384 bytes as text';
    end if;
    -- The parts of the form are a queue, and not a recursion: so the depth is known.
    while v_place <= cardinality(v_forms) loop
        v_form := v_forms[v_place];
        v_path := v_paths[v_place];
        if jsonb_typeof(v_form) <> 'object' then
            return format('%s must be an object, not %s', v_path, v_form);
        elsif v_depths[v_place] > 16 then
            return format('%s is nested more than 16 levels deep', v_path);
        end if;
        for v_key, v_value in select o.key, o.value from jsonb_each(v_form) as o loop
            v_fault := case
                when v_key not in (
                    'type', 'properties', 'required', 'enum', 'minimum', 'maximum', 'minLength',
                    'maxLength', 'format', 'items', 'title', 'description', 'default'
                ) then format('has the keyword "%s", which forms do not know', v_key)
                when v_key = 'type' and v_value not in (
                    '"object"', '"array"', '"string"', '"number"', '"integer"', '"boolean"',
                    '"null"'
                ) then format('has the type %s', v_value)
                when v_key = 'properties' and jsonb_typeof(v_value) <> 'object'
                    then 'has properties that are no object'
                when v_key = 'required' and not stepgres._are_texts(v_value)
                    then 'has a required that is no array of names'
                when v_key = 'enum' and (
                    jsonb_typeof(v_value) <> 'array' or v_value = '[]'
                    or jsonb_path_exists(
                        v_value, 'strict $[*] ? (@.type() == "object" || @.type() == "array")'
                    )
                ) then 'has an enum that is no array of strings, numbers, booleans or null'
                when v_key in ('minimum', 'maximum') and jsonb_typeof(v_value) <> 'number'
                    then format('has a %s that is no number', v_key)
                when v_key in ('minLength', 'maxLength') and not jsonb_path_exists(
                    v_value, 'strict $ ? (@.type() == "number" && @ >= 0 && @ % 1 == 0)'
                ) then format('has a %s that is no number of characters', v_key)
                when v_key = 'format' and v_value not in ('"date"', '"date-time"')
                    then format('has the format %s, and not date or date-time', v_value)
                when v_key in ('title', 'description') and jsonb_typeof(v_value) <> 'string'
                    then format('has a %s that is no string', v_key)
            end;
            if v_fault is not null then
                return v_path || ' ' || v_fault;
            end if;
        end loop;
        select min(r) into v_key from jsonb_array_elements_text(v_form -> 'required') as r
        where not coalesce(v_form -> 'properties', '{}') ? r;
        if v_key is not null then
            return format('%s requires "%s", which is none of its properties', v_path, v_key);
        end if;
        for v_key, v_value in
            select format('.%s', o.key), o.value from jsonb_each(v_form -> 'properties') as o
            union all
            select '[*]', v_form -> 'items' where v_form ? 'items'
        loop
            v_forms := v_forms || v_value;
            v_paths := v_paths || (v_path || v_key);
            v_depths := v_depths || (v_depths[v_place] + 1);
        end loop;
        v_place := v_place + 1;
    end loop;
    for i in 1 .. cardinality(v_forms) loop
        v_fault := case when v_forms[i] ? 'default'
            then stepgres._misfit(v_forms[i], v_forms[i] -> 'default') end;
        if v_fault is not null then
            return format('%s has a default that does not fit: %s', v_paths[i], v_fault);
        end if;
    end loop;
    return null;
end
$$;

comment on function stepgres._form_fault(jsonb) is
'Returns why a form cannot be the form of an approval, or null; names the part and the keyword.

A form is a JSON Schema with the keywords type, properties, required, enum, minimum, maximum,
minLength, maxLength, format, items, title, description and default, and no others.';

create function stepgres._check_options(options jsonb, allowed jsonb, culprit text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key text;
    v_value jsonb;
    v_type text;
    v_is_fit boolean;
begin
    if jsonb_typeof(options) is distinct from 'object' then
        raise exception '%: a JSON object is needed, not %',
            culprit, coalesce(jsonb_typeof(options), 'null')
            using errcode = 'SG001',
                hint = 'See the comment on stepgres.register_workflow for the document.';
    end if;
    for v_key, v_value in
        select o.key, o.value from jsonb_each(options) as o
        where o.value <> 'null' or not allowed ? o.key
    loop
        v_type := allowed ->> v_key;
        v_is_fit := case v_type
            when 'integer' then case jsonb_typeof(v_value)
                when 'number'
                    then v_value::numeric between -2147483648 and 2147483647
                        and v_value::numeric % 1 = 0
            end
            when 'any' then true
            else jsonb_typeof(v_value) = any (string_to_array(v_type, ' or '))
        end;
        if v_type is null then
            raise exception '%: unknown option "%"', culprit, v_key
                using errcode = 'SG001',
                    hint = 'Options are '
                        || (select string_agg(k, ', ') from jsonb_object_keys(allowed) as k) || '.';
        elsif v_is_fit is not true then
            raise exception '%: % must be a JSON %, not %', culprit, v_key, v_type, v_value
                using errcode = 'SG001',
                    hint = case v_type
                        when 'array' then 'One value is a list, too: ["x"]. Nothing was stored.'
                        when 'number' then 'Durations are numbers of seconds.'
                        when 'integer' then 'An integer has at most 31 bits.'
                        else 'Correct the option; nothing was stored.'
                    end;
        end if;
    end loop;
end
$$;

comment on function stepgres._check_options(jsonb, jsonb, text) is
'Raises SG001 for an unknown option or an option of the wrong JSON type.

allowed maps each option to its type.';

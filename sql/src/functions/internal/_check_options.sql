create function stepgres._check_options(options jsonb, allowed jsonb, culprit text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key text;
    v_value jsonb;
begin
    if jsonb_typeof(options) is distinct from 'object' then
        raise exception '%: a JSON object is needed, not %', culprit, coalesce(jsonb_typeof(options), 'null')
            using errcode = 'SG001', hint = 'See the comment on stepgres.register_workflow for the document.';
    end if;
    for v_key, v_value in select o.key, o.value from jsonb_each(options) as o loop
        if not allowed ? v_key then
            raise exception '%: unknown option "%"', culprit, v_key
                using errcode = 'SG001',
                    hint = 'Options are ' || (select string_agg(k, ', ') from jsonb_object_keys(allowed) as k) || '.';
        elsif jsonb_typeof(v_value) <> all (array_append(string_to_array(allowed ->> v_key, ' or '), 'null')) then
            raise exception '%: % must be a JSON %, not %', culprit, v_key, allowed ->> v_key, v_value
                using errcode = 'SG001', hint = 'Durations are numbers of seconds.';
        end if;
    end loop;
end
$$;

comment on function stepgres._check_options(jsonb, jsonb, text) is
'Raises SG001 for an unknown option or one of the wrong JSON type; allowed maps each option to its type.';

create function stepgres._limit_uses(uses jsonb, input jsonb) returns stepgres._limit_uses
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_use jsonb;
    v_key jsonb;
    v_weight jsonb;
    v_fair_keys jsonb := '[]'::jsonb;
    v_uses stepgres._limit_uses;
begin
    for v_use in
        select u from jsonb_array_elements(_limit_uses.uses) as u order by u ->> 'limit'
    loop
        v_key := coalesce(stepgres._found_in(input, (v_use ->> 'key')::jsonpath), 'null');
        v_weight := case jsonb_typeof(v_use -> 'weight')
            when 'string'
                then coalesce(stepgres._found_in(input, (v_use ->> 'weight')::jsonpath), 'null')
            else coalesce(v_use -> 'weight', '1')
        end;
        v_uses.fault := case
            when jsonb_typeof(v_key) in ('object', 'array') then format(
                'the key of limit "%s" must be a text, a number or a boolean, not %s',
                v_use ->> 'limit', left(v_key::text, 100)
            )
            when octet_length(v_key::text) > 500 then format(
                'the key of limit "%s" has more than 500 bytes: %s',
                v_use ->> 'limit', left(v_key::text, 100)
            )
            when jsonb_typeof(v_weight) <> 'number' or v_weight::numeric < 0 then format(
                'the weight under limit "%s" must be a number of at least 0, not %s',
                v_use ->> 'limit', left(v_weight::text, 100)
            )
        end;
        if v_uses.fault is not null then
            return v_uses;
        end if;
        -- A weight of 0 needs neither place nor rate.
        if v_weight::numeric > 0 then
            v_uses.limit_slugs := v_uses.limit_slugs || (v_use ->> 'limit');
            v_uses.keys := v_uses.keys || v_key::text;
            v_uses.weights := v_uses.weights
                || least(ceil(v_weight::numeric), 1000000000000)::bigint;
        end if;
        if v_use ? 'fair_by' then
            v_fair_keys := v_fair_keys || jsonb_build_array(
                stepgres._found_in(input, (v_use ->> 'fair_by')::jsonpath)
            );
        end if;
    end loop;
    v_uses.limit_slugs := coalesce(v_uses.limit_slugs, '{}');
    v_uses.keys := coalesce(v_uses.keys, '{}');
    v_uses.weights := coalesce(v_uses.weights, '{}');
    v_uses.fair_key := v_fair_keys::text;
    return v_uses;
end
$$;

comment on function stepgres._limit_uses(jsonb, jsonb) is
'Evaluates the option limits over an input: the keys, the weights, and the key for the round robin.

If there is a fault, the task or run cannot stand in a line, and fails with it.';

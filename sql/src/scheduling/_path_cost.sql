create function stepgres._path_cost(path jsonpath, input jsonb) returns float8
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_size float8 := pg_column_size(input)::float8;
    v_token text;
    v_values float8;
    v_cost float8 := 0::float8;
    -- State of the comparison that is being read: the number of values that it is made for, the
    -- number of "@" in it, and the number of pairs of values within the values that its last path
    -- finds.
    v_factor float8 := 1::float8;
    v_ats int := 0;
    v_pairs float8 := 1::float8;
    -- State of the filters around it: the number of values that each filter is applied to, and of
    -- the pairs within these values.
    v_filtered float8[] := '{1}'::float8[];
    v_filtered_pairs float8[] := '{1}'::float8[];
    -- State of each open parenthesis: whether it opens a filter, and the values from before it.
    v_is_filter boolean[] := '{}'::boolean[];
    v_factors float8[] := '{}'::float8[];
    v_all_pairs float8[] := '{}'::float8[];
begin
    -- Comparisons in "&&" and "||" add up. The operands of a comparison multiply, and so do the
    -- values that a filter is applied to. Tokens are texts, which are passed over, paths from the
    -- root, "@", parentheses, and operators.
    for v_token in
        select t[1] from regexp_matches(
            path::text,
            '"(?:[^"\\]|\\.)*"'
            '|\$(?:\."(?:[^"\\]|\\.)*"|\.\*\*(?:\{[^}]*\})?|\.\*|\[[^]"]*\]'
            '|\.[a-z_]+\((?:[0-9, ]*|"(?:[^"\\]|\\.)*")\))*'
            '|@|\?\(|\(\)|[()]|&&|\|\|| [*/%] ',
            'g'
        ) as t
    loop
        case
            when starts_with(v_token, '$') then
                if v_size > 67108864 and v_token ~ '\*|\[.* to ' then
                    v_values := v_size / 8;
                else
                    -- Each element of an array of size() elements is compared; any other value has
                    -- the size 1.
                    select coalesce(sum(s::float8), 0) into v_values
                    from jsonb_path_query(
                        input, (v_token || '.size()')::jsonpath, silent => true
                    ) as s;
                end if;
                v_pairs := v_factor * (v_size / 24) ^ 2;
                if v_size <= 67108864 and v_token !~ '\.\*\*' then
                    select v_factor
                        * coalesce(sum(greatest(pg_column_size(e)::float8 / 24, 1) ^ 2), 1)
                    into v_pairs
                    from jsonb_path_query(input, (v_token || '[*]')::jsonpath, silent => true) as e;
                end if;
                v_factor := v_factor * greatest(v_values, 1);
            when v_token in ('@', ' * ', ' / ', ' % ') then
                -- Different values have different values within them, so one "@" costs the number
                -- of values. A second "@" is compared with all that is within the same value, and
                -- so is a long number that is multiplied.
                v_ats := v_ats + 1;
                if v_ats = 2 then
                    v_factor := v_factor / v_filtered[cardinality(v_filtered)]
                        * greatest(
                            v_filtered[cardinality(v_filtered)],
                            v_filtered_pairs[cardinality(v_filtered_pairs)]
                        );
                end if;
            when v_token in ('&&', '||') then
                v_cost := v_cost + v_factor;
                v_factor := v_filtered[cardinality(v_filtered)];
                v_ats := 0;
            when v_token in ('(', '?(') then
                v_is_filter := v_is_filter || (v_token = '?(');
                v_factors := v_factors || v_factor;
                v_all_pairs := v_all_pairs || v_pairs;
                if v_token = '?(' then
                    v_filtered := v_filtered || v_factor;
                    v_filtered_pairs := v_filtered_pairs || v_pairs;
                    v_ats := 0;
                end if;
            when v_token = ')' then
                if v_is_filter[cardinality(v_is_filter)] then
                    v_cost := v_cost + v_factor;
                    v_factor := v_factors[cardinality(v_factors)];
                    v_pairs := v_all_pairs[cardinality(v_all_pairs)];
                    v_filtered := trim_array(v_filtered, 1);
                    v_filtered_pairs := trim_array(v_filtered_pairs, 1);
                    v_ats := 0;
                end if;
                v_is_filter := trim_array(v_is_filter, 1);
                v_factors := trim_array(v_factors, 1);
                v_all_pairs := trim_array(v_all_pairs, 1);
            else
                null;
        end case;
        exit when v_cost + v_factor > 1e9;
    end loop;
    return v_cost + v_factor;
end
$$;

comment on function stepgres._path_cost(jsonpath, jsonb) is
'Estimates how many values and pairs of values a JSON path makes PostgreSQL look at in an input.

The estimate is too high rather than too low.';

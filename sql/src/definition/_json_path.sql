create function stepgres._json_path(
    path text, option text, culprit text, variables text[] default '{}'
) returns jsonpath
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path jsonpath;
    v_text text;
    v_variable text;
    v_excess text;
begin
    v_path := path::jsonpath;
    v_text := v_path::text;
    foreach v_variable in array variables loop
        v_text := replace(v_text, format('$"%s"', v_variable), '$');
    end loop;
    v_text := regexp_replace(v_text, '"([^"\\]|\\.)*"', '""', 'g');
    -- These expressions make the time for a path grow with the length of the path, or with the
    -- depth of an input. _path_cost sees at run time where the time grows with the square of the
    -- number of values.
    v_excess := case
        when length(v_path::text) > 1000 then 'more than 1,000 characters'
        when regexp_count(v_text, '\.\*\*') > 1
            then 'more than one .**, which finds the same values many times'
        when regexp_count(v_text, '\.keyvalue\(') > 1
            then 'more than one .keyvalue(), which makes values of values'
        when regexp_count(v_text, '\[[^]]*,') > 1
            then 'more than one list of subscripts, which finds values many times'
    end;
    if v_excess is not null then
        raise exception '%: % % can take too long: it has %',
            culprit, option, to_jsonb(path), v_excess
            using errcode = 'SG001',
                hint = 'Compute the value in an earlier step, and use the output of that step.';
    end if;
    -- A silent evaluation does not silence three errors, which would therefore fail the step when
    -- it becomes ready. They are a variable, because nobody sets any (in canonical text $."key" is
    -- a member and $"name" a variable), a bad template, and a regular expression that is too large.
    if v_text ~ '\$""' then
        raise syntax_error using message = case
            when variables = '{}' then 'it has a variable, and Stepgres sets no variables'
            else format(
                'it has a variable other than $%s', array_to_string(variables, ' and $')
            )
        end;
    end if;
    perform jsonb_path_query('"0"', ('$' || d.call[1])::jsonpath, silent => true)
    from regexp_matches(v_path::text, '\.datetime\("(?:[^"\\]|\\.)*"\)', 'g') as d (call);
    perform jsonb_path_query('"0"', ('$ ? (@ ' || r.call[1] || ')')::jsonpath, silent => true)
    from regexp_matches(
        v_path::text, 'like_regex "(?:[^"\\]|\\.)*"(?: flag "[a-z]*")?', 'g'
    ) as r (call);
    return v_path;
exception when data_exception or syntax_error or feature_not_supported
    or program_limit_exceeded or internal_error then
    raise exception '%: % % is not a JSON path: %', culprit, option, to_jsonb(path), sqlerrm
        using errcode = 'SG001',
            hint = 'A JSON path looks like $.amount > 3, or $.items[*] ? (@.price > 3).';
end
$$;

comment on function stepgres._json_path(text, text, text, text[]) is
'Returns an option as a JSON path, or raises SG001 with the reason that PostgreSQL gives.

variables are the names of the variables that the path may have.';

create function stepgres._json_path(path text, option text, culprit text) returns jsonpath
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path jsonpath;
    v_text text;
    v_excess text;
begin
    v_path := path;
    v_text := regexp_replace(v_path::text, '"([^"\\]|\\.)*"', '""', 'g');
    -- These make the time that a path takes grow with its length, or with the depth of an input. Where it grows
    -- with the square of the number of values, _path_cost sees that when the input is there.
    v_excess := case
        when length(v_path::text) > 1000 then 'more than 1,000 characters'
        when regexp_count(v_text, '\.\*\*') > 1 then 'more than one .**, which finds the same values many times'
        when regexp_count(v_text, '\.keyvalue\(') > 1 then 'more than one .keyvalue(), which makes values of values'
        when regexp_count(v_text, '\[[^]]*,') > 1 then 'more than one list of subscripts, which finds values many times'
    end;
    if v_excess is not null then
        raise exception '%: % % can take too long: it has %', culprit, option, to_jsonb(path), v_excess
            using errcode = 'SG001', hint = 'Let a step before this one find it out, and look at the output of that.';
    end if;
    -- Three errors that a silent evaluation does not silence, and that would therefore fail the step when it becomes
    -- ready: a variable, since nobody sets any (in canonical text $."key" is a member and $"name" a variable), a
    -- template that is none, and a regular expression that is too large.
    if v_text ~ '\$""' then
        raise syntax_error using message = 'it has a variable, and none is ever set';
    end if;
    perform jsonb_path_query('"0"', ('$' || d.call[1])::jsonpath, silent => true)
    from regexp_matches(v_path::text, '\.datetime\("(?:[^"\\]|\\.)*"\)', 'g') as d (call);
    perform jsonb_path_query('"0"', ('$ ? (@ ' || r.call[1] || ')')::jsonpath, silent => true)
    from regexp_matches(v_path::text, 'like_regex "(?:[^"\\]|\\.)*"(?: flag "[a-z]*")?', 'g') as r (call);
    return v_path;
exception when data_exception or syntax_error or feature_not_supported or program_limit_exceeded or internal_error then
    raise exception '%: % % is not a JSON path: %', culprit, option, to_jsonb(path), sqlerrm
        using errcode = 'SG001', hint = 'A JSON path looks like $.amount > 3, or $.items[*] ? (@.price > 3).';
end
$$;

comment on function stepgres._json_path(text, text, text) is
'The JSON path that an option is, or SG001 with what PostgreSQL says about it.';

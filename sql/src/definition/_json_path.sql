create function stepgres._json_path(path text, option text, culprit text) returns jsonpath
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path jsonpath;
begin
    v_path := path::jsonpath;
    -- Two errors that a silent evaluation does not silence, and that would therefore fail the
    -- transaction in which the step becomes ready: a variable, since nobody sets any (in canonical text
    -- $."key" is a member and $"name" a variable), and a template that is none.
    if regexp_replace(v_path::text, '"([^"\\]|\\.)*"', '""', 'g') ~ '\$""' then
        raise syntax_error using message = 'it has a variable, and none is ever set';
    end if;
    perform jsonb_path_query('"0"', ('$' || d.call[1])::jsonpath, silent => true)
    from regexp_matches(v_path::text, '\.datetime\("(?:[^"\\]|\\.)*"\)', 'g') as d (call);
    return v_path;
exception when data_exception or syntax_error or feature_not_supported or program_limit_exceeded then
    raise exception '%: % % is not a JSON path: %', culprit, option, to_jsonb(path), sqlerrm
        using errcode = 'SG001', hint = 'A JSON path looks like $.amount > 3, or $.items[*] ? (@.price > 3).';
end
$$;

comment on function stepgres._json_path(text, text, text) is
'The JSON path that an option is, or SG001 with what PostgreSQL says about it.';

create function stepgres._json_path(path text, option text, culprit text) returns jsonpath
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path jsonpath;
begin
    v_path := path;
    -- In the canonical text $."key" is a member and $"name" a variable; silent evaluation does not
    -- silence a missing variable, and nobody passes any.
    if regexp_replace(v_path::text, '"([^"\\]|\\.)*"', '""', 'g') ~ '\$""' then
        raise exception '%: % "%" has a variable, and none is ever set', culprit, option, path
            using errcode = 'SG001', hint = 'Members are written with a dot: $.amount > 3.';
    end if;
    return v_path;
exception when data_exception or syntax_error or feature_not_supported or program_limit_exceeded then
    raise exception '%: % "%" is not a JSON path: %', culprit, option, path, sqlerrm
        using errcode = 'SG001', hint = 'A JSON path looks like $.amount > 3, or $.items[*] ? (@.price > 3).';
end
$$;

comment on function stepgres._json_path(text, text, text) is
'The JSON path that an option is, or SG001 with what PostgreSQL says about it.';

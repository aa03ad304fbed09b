create function stepgres._glob(pattern text) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- The expression is the one that fnmatch of Python makes. A bracket that is never closed stands
    -- for itself.
    select '^(?:' || coalesce(string_agg(
        case
            when m.part[1] = '*' then '.*'
            when m.part[1] = '?' then '.'
            when m.part[1] ~ '^\[.+\]$'
                then regexp_replace(replace(m.part[1], '\', '\\'), '^\[!', '[^')
            else regexp_replace(m.part[1], '([^[:alnum:]_[:space:]])', '\\\1', 'g')
        end, '' order by m.place
    ), '') || ')$'
    from regexp_matches(_glob.pattern, '\[!?\]?[^]]*\]|.', 'g') with ordinality as m (part, place)
$$;

comment on function stepgres._glob(text) is
'Returns the regular expression for a pattern such as "test_*" or "design/[a-c]?".';

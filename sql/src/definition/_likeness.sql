create function stepgres._likeness(a text, b text) returns numeric
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- The measure counts the pairs of neighbouring characters that both names have, as pg_trgm
    -- counts triples.
    select 2.0 * count(*) filter (where p.is_in_a and p.is_in_b)
        / nullif(sum(p.is_in_a::int + p.is_in_b::int), 0)
    from (
        select bool_or(t.which = 'a') as is_in_a, bool_or(t.which = 'b') as is_in_b
        from (
            values ('a', lower(left(_likeness.a, 128))), ('b', lower(left(_likeness.b, 128)))
        ) as t (which, word)
        cross join generate_series(1, length(t.word) + 1) as i
        group by substr(' ' || t.word || ' ', i, 2)
    ) as p
$$;

comment on function stepgres._likeness(text, text) is
'Returns how much two names are alike, from 0 to 1.';

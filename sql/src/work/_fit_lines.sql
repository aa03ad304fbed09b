create function stepgres._fit_lines(lines jsonb) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(to_jsonb(array_agg(
        case when k.is_kept then k.line else jsonb_build_object('left_out', k.left_out) end
        order by k.place
    ) filter (where k.is_kept or k.is_first)), '[]')
    from (
        select f.*,
            sum(coalesce((f.line ->> 'left_out')::bigint, 1)) over (partition by f.is_kept)
                as left_out,
            row_number() over (partition by f.is_kept order by f.place) = 1 as is_first
        from (
            select l.line, l.place,
                sum(l.bytes) over () <= 65536
                or (
                    not l.line ? 'left_out' and (
                        sum(l.bytes) over (order by l.place) <= 32704
                        or sum(l.bytes) over (order by l.place desc) <= 32704
                    )
                ) as is_kept
            from (
                select e.value as line, e.ordinality as place,
                    octet_length(e.value::text) + 2 as bytes
                from jsonb_array_elements(_fit_lines.lines) with ordinality as e
            ) as l
        ) as f
    ) as k
$$;

comment on function stepgres._fit_lines(jsonb) is
'Returns the lines of a log without its middle if they are more than 64 KB as text.';

create function stepgres._position_text(last_id bigint, gaps stepgres._gap[]) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(
        ';', _position_text.last_id,
        (
            select string_agg(
                format('%s@%s', r.ids, array_to_string(g.senders, ',')), ';' order by g.senders
            )
            from (
                -- a long transaction that remains of several sets of senders makes one gap
                select range_agg(o.ids) as ids, o.senders
                from unnest(_position_text.gaps) as o (ids, senders)
                where not isempty(o.ids)
                group by o.senders
            ) as g
            cross join lateral (
                select string_agg(
                    case
                        when upper(u.ids) = lower(u.ids) + 1 then lower(u.ids)::text
                        else format('%s-%s', lower(u.ids), upper(u.ids) - 1)
                    end,
                    ',' order by lower(u.ids)
                ) as ids
                from unnest(g.ids) as u (ids)
            ) as r
        )
    )
$$;

comment on function stepgres._position_text(bigint, stepgres._gap[]) is
'Returns a position as the text that clients keep.

A position without gaps is just the last id, so that it serves as Last-Event-ID of a web page.';

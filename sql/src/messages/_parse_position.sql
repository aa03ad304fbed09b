create function stepgres._parse_position(after text) returns stepgres._position
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_position stepgres._position;
begin
    -- 17;12-14,16@3/45,4/67 is the position at 17, without 12, 13, 14 and 16, for two senders.
    if (
        _parse_position.after
        ~ '^\d{1,18}(;\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*@(-?\d+/\d+(,-?\d+/\d+)*)?)*$'
    ) is not true then
        raise exception '% is not a position',
            coalesce(quote_ident(left(_parse_position.after, 100)), 'null')
            using errcode = 'SG003',
                hint = 'Pass a position that listen or catch_up returned, or the id of a message.';
    end if;
    v_position.last_id := split_part(_parse_position.after, ';', 1)::bigint;
    v_position.gaps := array(
        select row(
            (
                select range_agg(
                    int8range(least(r.bound, r.other), greatest(r.bound, r.other), '[]')
                )
                from string_to_table(split_part(g.text, '@', 1), ',') as t (range),
                    lateral (
                        select split_part(t.range, '-', 1)::bigint as bound,
                            split_part(t.range, '-', -1)::bigint as other
                    ) as r
            ),
            string_to_array(split_part(g.text, '@', 2), ',')
        )::stepgres._gap
        from string_to_table(_parse_position.after, ';') with ordinality as g (text, place)
        where g.place > 1
    );
    return v_position;
end
$$;

comment on function stepgres._parse_position(text) is
'Reads a position that _position_text has written; raises SG003 if the text is no position.';

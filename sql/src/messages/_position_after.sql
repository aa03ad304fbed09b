create function stepgres._position_after(
    start stepgres._position, missing int8multirange, senders text[], delivered int8multirange
) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select stepgres._position_text(
        r.last_id,
        array(
            select row(g.ids - _position_after.delivered, g.senders)::stepgres._gap
            from unnest((_position_after.start).gaps) as g
        ) || row(
            _position_after.missing * int8multirange(int8range(null, r.last_id)),
            _position_after.senders
        )::stepgres._gap
    )
    from (
        select greatest((_position_after.start).last_id, upper(_position_after.delivered) - 1)
            as last_id
    ) as r
$$;

comment on function stepgres._position_after(
    stepgres._position, int8multirange, text[], int8multirange
) is
'Returns the position of a listener that has got these messages while others were missing.';

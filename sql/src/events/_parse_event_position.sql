create function stepgres._parse_event_position(after text) returns stepgres._event_position
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_position stepgres._event_position;
begin
    begin
        v_position := _parse_event_position.after::stepgres._event_position;
    exception when data_exception then
        null;
    end;
    if after is not null and (v_position.told is null or v_position.told_at is null) then
        raise exception '% is not a position of events', quote_ident(left(after, 100))
            using errcode = 'SG003',
                hint = 'Pass a position that catch_up_events returned, or null to begin.';
    end if;
    return v_position;
end
$$;

comment on function stepgres._parse_event_position(text) is
'Reads a position of catch_up_events; raises SG003 if the text is no such position.';

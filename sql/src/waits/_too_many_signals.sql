create function stepgres._too_many_signals(most int, place text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% has % unread signals, and no room for more',
        place, ltrim(to_char(most, '999,999'))
        using errcode = 'SG028',
            hint = 'Send signals that a step waits for, and as many as it reads: see list_signals.';
end
$$;

comment on function stepgres._too_many_signals(int, text) is
'Raises SG028: the limit of unread signals is reached.';

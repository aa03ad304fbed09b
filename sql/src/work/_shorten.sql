create function stepgres._shorten(message text) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when length(message) <= 8000 then message
        else left(message, 3950) || format(' [... %s characters ...] ', length(message) - 7900)
            || right(message, 3950)
    end
$$;

comment on function stepgres._shorten(text) is
'Shortens a message to at most 8,000 characters by leaving out its middle.';

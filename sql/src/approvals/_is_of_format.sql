create function stepgres._is_of_format(value text, format text) returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when format is null then true
        when value !~ (
            '^(?!0000)[0-9]{4}-(?!00)[0-9]{2}-(?!00)[0-9]{2}' || case format
                when 'date' then '$'
                else 'T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?'
                    '(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'
            end
        ) then false
        -- null for a day that the calendar does not have
        else coalesce(jsonb_path_exists(
            ('"' || left(value, 10) || '"')::jsonb, '$.datetime("YYYY-MM-DD")', silent => true
        ), false)
    end
$$;

comment on function stepgres._is_of_format(text, text) is
'Says whether a text is a date or a date-time with its offset, as RFC 3339 writes them.

Every text is of the format null.';

create function stepgres._cron_number(value text, first int, names text[]) returns int
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when value ~ '^[0-9]+$' then value::int
        else array_position(names, value) - 1 + _cron_number.first
    end
$$;

comment on function stepgres._cron_number(text, int, text[]) is
'Returns the number of a value in a cron expression; null for a name that is not in names.';

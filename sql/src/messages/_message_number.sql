create function stepgres._message_number(message_id text) returns bigint
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select case
        when _message_number.message_id ~ '^[1-9][0-9]{0,17}$'
            then _message_number.message_id::bigint
    end
$$;

comment on function stepgres._message_number(text) is
'Returns the number that pgmq has for the id of a message; null if no message can have the id.';

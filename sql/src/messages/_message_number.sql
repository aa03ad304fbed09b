create function stepgres._message_number(message_id text) returns bigint
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select case when _message_number.message_id ~ '^[1-9][0-9]{0,17}$' then _message_number.message_id::bigint end
$$;

comment on function stepgres._message_number(text) is
'The number that an id of a message is to pgmq, null if no message can have that id.';

create function stepgres._messages_name(channel text) returns text
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$ select 'stepgres_messages_' || md5(_messages_name.channel) $$;

comment on function stepgres._messages_name(text) is
'Returns the name on which PostgreSQL notifies listeners of messages of a channel.

The name of the channel itself may be too long for PostgreSQL.';

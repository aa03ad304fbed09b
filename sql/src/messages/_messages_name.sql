create function stepgres._messages_name(channel text) returns text
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$ select 'stepgres_messages_' || md5(_messages_name.channel) $$;

comment on function stepgres._messages_name(text) is
'The name that messages of a channel are notified on; that of a channel may be too long for it.';

create function stepgres._notify_name(kind text, channel text) returns text
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$ select format('stepgres_%s_%s', _notify_name.kind, md5(_notify_name.channel)) $$;

comment on function stepgres._notify_name(text, text) is
'What is notified for a channel, whose own name may be longer than a name for NOTIFY: messages and payloads are the kinds.';

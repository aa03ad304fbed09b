create function stepgres._is_traceparent(value text) returns boolean
language sql
immutable
strict
set search_path = pg_catalog, pg_temp
as $$
    select value ~ '^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$'
$$;

comment on function stepgres._is_traceparent(text) is
'Says whether a text is a traceparent of W3C Trace Context; null for null.';

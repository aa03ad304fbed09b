create function stepgres._is_log_line(line jsonb) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return line ->> 'level' in ('debug', 'info', 'warning', 'error', 'critical')
        and jsonb_typeof(line -> 'message') = 'string'
        and line ->> 'at' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})$'
        and (line ->> 'at')::timestamptz is not null;
exception when data_exception then
    return false;
end
$$;

comment on function stepgres._is_log_line(jsonb) is
'Says whether a line of a log has a time, a level and a message.';

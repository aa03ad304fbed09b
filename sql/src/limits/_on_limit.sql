create function stepgres._on_limit(on_limit text, limits jsonb, culprit text) returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if limits is null and on_limit is not null then
        raise exception '%: on_limit needs limits', culprit
            using errcode = 'SG001', hint = 'Such as "limits": [{"limit": "reports"}].';
    elsif on_limit not in ('queue', 'reject', 'cancel_oldest') then
        raise exception '%: on_limit must be "queue", "reject" or "cancel_oldest", not "%"',
            culprit, left(on_limit, 100)
            using errcode = 'SG001', hint = 'The default is "queue".';
    end if;
    return case when limits is not null then coalesce(on_limit, 'queue') end;
end
$$;

comment on function stepgres._on_limit(text, jsonb, text) is
'Returns the option on_limit of a workflow, or raises SG001.';

create function stepgres._check_unique_start(
    unique_key text, if_running text, delay interval, debounce interval, debounce_max interval
) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_problem text := case
        when (if_running in ('return', 'reject', 'cancel')) is not true
            then format('if_running cannot be "%s"', if_running)
        when unique_key is null and if_running <> 'return' then 'if_running needs a unique_key'
        when unique_key is null and debounce is not null then 'debounce needs a unique_key'
        when debounce is null and debounce_max is not null then 'debounce_max needs debounce'
        when octet_length(unique_key) > 2000 then format(
            'a unique_key has at most 2,000 bytes, not %s', octet_length(unique_key)
        )
        when debounce is not null and if_running <> 'return'
            then 'a start with debounce waits for the active run: leave if_running out'
        when debounce is not null and delay is not null then 'debounce is a delay: leave delay out'
        when not (debounce > interval '0' and debounce <= interval '36525 days')
            then format('a start cannot be debounced by %s', debounce)
        when not (debounce_max > interval '0' and debounce_max <= interval '36525 days')
            then format('debounce_max cannot be %s', debounce_max)
    end;
begin
    if v_problem is not null then
        raise exception '%', v_problem
            using errcode = 'SG003',
                hint = 'if_running is return, reject or cancel. debounce and debounce_max are more '
                    'than 0 seconds and at most 100 years. Pass the md5 of a long unique_key.';
    end if;
end
$$;

comment on function stepgres._check_unique_start(text, text, interval, interval, interval) is
'Raises SG003 for arguments of a unique start that contradict each other or are out of range.';

create function stepgres._check_channel(channel text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if (
        _check_channel.channel ~ '^[A-Za-z0-9_][A-Za-z0-9_.:/@-]*$'
        and length(_check_channel.channel) <= 128
    ) is not true then
        raise exception '% cannot be the name of a channel', coalesce(
            quote_ident(left(_check_channel.channel, 128))
                || case when length(_check_channel.channel) > 128 then '...' else '' end,
            'null'
        )
            using errcode = 'SG016',
                hint = 'Use 1 to 128 ASCII letters, digits and _ . : / @ - and begin with a '
                    'letter, a digit or _.';
    end if;
end
$$;

comment on function stepgres._check_channel(text) is
'Raises SG016 if the text cannot be the name of a channel.';

create function stepgres.create_channel(channel text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if stepgres._find_channel(create_channel.channel) is null then
        perform stepgres._make_channel(create_channel.channel);
    end if;
end
$$;

comment on function stepgres.create_channel(text) is
'Makes a channel before anything is sent to it; one that exists is left as it is.

The first message makes its channel, so this is seldom needed: before a long transaction, because only one transaction at
a time makes channels, and the others that want to make one wait for its end.

Errors: SG016 not the name of a channel.';

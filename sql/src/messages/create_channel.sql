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
'Makes a channel before anything is sent to it; a channel that exists does not change.

The first message makes its channel, so few callers need this function. Call it before a long
transaction: only one transaction at a time makes channels, and others that want to make a channel
wait until it ends.

Errors: SG016 not the name of a channel.';

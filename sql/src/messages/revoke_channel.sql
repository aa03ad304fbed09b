create function stepgres.revoke_channel(channel text, role text) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if stepgres._find_channel(revoke_channel.channel) is null then
        raise exception 'channel "%" does not exist', revoke_channel.channel
            using errcode = 'SG021',
                hint = 'Nothing was ever sent to the channel, or nothing since it was deleted.';
    end if;
    delete from stepgres.channel_readers as c
    where (c.channel, c.role) = (revoke_channel.channel, revoke_channel.role);
    return found;
end
$$;

comment on function stepgres.revoke_channel(text, text) is
'Takes a channel away from a role that was given it or made it; false if the role did not have it.

A role that is a member of another role with the channel can still read the channel.

Errors: SG016 not the name of a channel; SG021 there is no such channel.';

create function stepgres.grant_channel(channel text, role text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres.create_channel(grant_channel.channel);
    if grant_channel.role is distinct from 'public'
        and not exists (select from pg_roles as o where o.rolname = grant_channel.role) then
        raise exception 'there is no role "%"', coalesce(left(grant_channel.role, 100), 'null')
            using errcode = 'SG003',
                hint = 'Pass the name of a role as in pg_roles, or public for every client.';
    end if;
    insert into stepgres.channel_readers (channel, role)
    values (grant_channel.channel, grant_channel.role)
    on conflict do nothing;
end
$$;

comment on function stepgres.grant_channel(text, text) is
'Lets a role, and its members, read and acknowledge the messages of a channel.

The function makes the channel if it does not exist. role is the name of a role, or public for all
roles that may call the functions. Without a grant, only the role that made a channel reads it;
workers, observers and admins read all channels. Every role that may call send_with_notify sends to
any channel.

Errors: SG003 there is no such role; SG016 not the name of a channel.';

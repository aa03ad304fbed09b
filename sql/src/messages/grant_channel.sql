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
            using errcode = 'SG003', hint = 'Pass the name of a role as pg_roles has it, or public for every client.';
    end if;
    insert into stepgres.channel_readers (channel, role) values (grant_channel.channel, grant_channel.role)
    on conflict do nothing;
end
$$;

comment on function stepgres.grant_channel(text, text) is
'Lets a role, and the members of it, read and acknowledge the messages of a channel, which is made if there is none.

role is the name of a role, or public for all who may call the functions. Without a grant a channel is read by the role that made
it; workers, observers and admins read all. Everyone who may call send_with_notify sends to any channel.

Errors: SG003 there is no such role; SG016 not the name of a channel.';

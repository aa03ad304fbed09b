create function stepgres._readable_channel(channel text) returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pgmq_queue text := stepgres._find_channel(_readable_channel.channel);
begin
    if v_pgmq_queue is not null
        and not exists (
            select from stepgres.channel_readers as c
            left join pg_roles as o on o.rolname = c.role
            where c.channel = _readable_channel.channel
                and (c.role = 'public' or pg_has_role(stepgres._caller(), o.oid, 'usage'))
        )
        and not stepgres._may_call('{register_worker,fsck}')
    then
        raise exception 'role "%" may not read channel "%"',
            stepgres._caller(), _readable_channel.channel
            using errcode = 'SG026',
                hint = format(
                    'Let an admin run: select stepgres.grant_channel(%L, %L)',
                    _readable_channel.channel, stepgres._caller()
                );
    end if;
    return v_pgmq_queue;
end
$$;

comment on function stepgres._readable_channel(text) is
'Returns the pgmq queue of a channel like _find_channel, if the caller may read the channel.

The function raises SG026 for clients that were not granted the channel. Workers, observers and
admins read all channels: these roles may call register_worker or fsck.';

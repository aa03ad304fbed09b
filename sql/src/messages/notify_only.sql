create function stepgres.notify_only(channel text, payload text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._check_channel(notify_only.channel);
    if notify_only.payload is null then
        raise exception 'a payload to channel "%" must not be null', notify_only.channel
            using errcode = 'SG003', hint = 'Pass a text, which may be empty.';
    elsif octet_length(notify_only.payload) > 7999 then
        raise exception 'a payload of % bytes is too large for channel "%"',
            octet_length(notify_only.payload), notify_only.channel
            using errcode = 'SG017',
                hint = 'PostgreSQL notifies up to 7,999 bytes: use send_with_notify, '
                    'which takes 2,000,000 bytes.';
    end if;
    perform pg_notify(stepgres._payloads_name(notify_only.channel), notify_only.payload);
end
$$;

comment on function stepgres.notify_only(text, text) is
'Notifies the present listeners of a channel of a text, at commit, and stores nothing.

PostgreSQL delivers equal payloads of one transaction once. Roles that may call listen can hear
payloads, and roles that have listened can forge payloads. Send a message that must be genuine with
send_with_notify.

Errors: SG003 null; SG016 not the name of a channel; SG017 more than 7,999 bytes.';

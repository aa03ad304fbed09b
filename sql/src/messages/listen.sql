create function stepgres.listen(channel text, after text default null) returns stepgres.listening
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_listening stepgres.listening;
begin
    perform stepgres._check_channel(listen.channel);
    perform stepgres._readable_channel(listen.channel);
    perform stepgres._need_fresh_snapshots();
    if listen.after is not null then
        perform stepgres._parse_position(listen.after);
    end if;
    v_listening.messages_on := stepgres._messages_name(listen.channel);
    v_listening.payloads_on := stepgres._payloads_name(listen.channel);
    execute format('listen %I', v_listening.messages_on);
    execute format('listen %I', v_listening.payloads_on);
    v_listening.position := coalesce(listen.after, stepgres._first_position(listen.channel));
    return v_listening;
end
$$;

comment on function stepgres.listen(text, text) is
'Lets the session listen on a channel, and returns its names for NOTIFY and a position.

The position is behind everything that was sent so far, or is after: the id of a message, or a
position. Call catch_up once the transaction is committed: PostgreSQL notifies from then on. The
channel need not exist yet. To stop, run the SQL commands unlisten messages_on and
unlisten payloads_on.

Errors: SG003 not a position, a transaction that does not see what others commit; SG016 not the name
of a channel; SG026 the caller was not given the channel.';

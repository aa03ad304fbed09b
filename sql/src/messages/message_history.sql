create function stepgres.message_history(
    channel text,
    after_id text default null,
    before_id text default null,
    "limit" int default 100,
    newest_first boolean default false
) returns setof stepgres.message
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := case
        when after_id is not null and stepgres._message_number(after_id) is null then after_id
        when before_id is not null and stepgres._message_number(before_id) is null then before_id
    end;
begin
    perform stepgres._check_limit("limit");
    if v_culprit is not null then
        raise exception '% is not the id of a message', quote_ident(left(v_culprit, 100))
            using errcode = 'SG003',
                hint = 'Pass an id that send_with_notify or message_history returned.';
    end if;
    return query
    select * from stepgres._read_history(
        channel,
        int8range(0, stepgres._message_number(before_id))
        * int8range(coalesce(stepgres._message_number(after_id), 0), null, '()'),
        "limit",
        coalesce(newest_first, false)
    );
end
$$;

comment on function stepgres.message_history(text, text, text, int, boolean) is
'Returns the messages of a channel in the order of their ids, acknowledged or not.

after_id and before_id limit the ids. limit null returns all messages. To page, pass the last id of
a page as after_id, or with newest_first as before_id.

Errors: SG003 not an id, a limit below 1; SG016 not the name of a channel; SG026 the caller was not
given the channel.';

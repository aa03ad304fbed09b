create function stepgres._payloads_name(channel text) returns text
language sql
stable strict
set search_path = pg_catalog, pg_temp
as $$
    select 'stepgres_payloads_' || left(
        encode(sha256(convert_to(s.secret || ' ' || _payloads_name.channel, 'UTF8')), 'hex'), 40
    )
    from stepgres.secrets as s
$$;

comment on function stepgres._payloads_name(text) is
'The name that payloads for a channel are notified on, which only those can know who may call listen.

PostgreSQL lets any login listen on any name, and notify it.';

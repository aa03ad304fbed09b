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
'Returns the name on which PostgreSQL notifies listeners of payloads to a channel.

PostgreSQL lets any login listen on any name, and notify it. So the name contains a secret: only
roles that may call listen can know the name.';

create function stepgres.check_version(client_version text) returns text
language plpgsql
immutable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_oldest constant text := '0.1.0';
    v_own text := stepgres.version();
    v_numbers int[];
begin
    if client_version !~ '^[0-9]{1,9}[.][0-9]{1,9}[.][0-9]{1,9}$' or client_version is null then
        raise exception '% is not a version of a client',
            coalesce(quote_literal(client_version), 'null')
            using errcode = 'SG003', hint = 'Pass three numbers, such as 0.1.0.';
    end if;
    v_numbers := string_to_array(client_version, '.')::int[];
    if v_numbers[:2] > (string_to_array(v_own, '.')::int[])[:2] then
        raise exception 'the client is of Stepgres %, and the database has Stepgres %',
            client_version, v_own
            using errcode = 'SG027',
                hint = 'Run "stepgres upgrade" for the database, or use an older client.';
    elsif v_numbers < string_to_array(v_oldest, '.')::int[] then
        raise exception
            'the client is of Stepgres %, which Stepgres % in the database serves no more',
            client_version, v_own
            using errcode = 'SG027', hint = format('Upgrade the client to %s or newer.', v_oldest);
    end if;
    return v_own;
end
$$;

comment on function stepgres.check_version(text) is
'Returns the version of the installed schema if the schema serves a client of this version.

A client may be older than the schema, back to the oldest version that is served. A client must not
be newer than the schema in its first two numbers. Clients call this function before anything else;
register_worker calls it for workers.

Errors: SG003 not a version, SG027 the schema does not serve this version of a client.';

create function stepgres._new_run_id() returns uuid
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_bytes bytea;
begin
    if current_setting('server_version_num')::int >= 180000 then
        return uuidv7();
    end if;
    -- RFC 9562, 5.7: 48 bits of Unix milliseconds, then version 7 and variant 2 among random bits.
    v_bytes := uuid_send(gen_random_uuid());
    v_bytes := overlay(
        v_bytes
            placing substring(
                int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
            )
            from 1
    );
    return encode(set_byte(v_bytes, 6, (get_byte(v_bytes, 6) & 15) | 112), 'hex')::uuid;
end
$$;

comment on function stepgres._new_run_id() is
'Returns a new UUID of version 7; PostgreSQL has its own function from 18 on.';

create function stepgres._new_run_ids(number int) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[] := '{}'::uuid[];
    v_time text;
begin
    if current_setting('server_version_num')::int >= 180000 then
        for i in 1 .. number loop
            v_run_ids[i] := uuidv7();
        end loop;
        return v_run_ids;
    end if;
    -- RFC 9562, 5.7: 48 bits of Unix milliseconds, then version 7, then variant 2 and random bits,
    -- as in version 4.
    v_time := lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0');
    return array(
        select (
            left(v_time, 8) || '-' || right(v_time, 4) || '-7'
            || substr(gen_random_uuid()::text, 16)
        )::uuid
        from generate_series(1, number)
    );
end
$$;

comment on function stepgres._new_run_ids(int) is
'Returns new UUIDs of version 7; PostgreSQL has its own function from 18 on.';

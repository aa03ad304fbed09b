create function stepgres._clock(out instant timestamptz, out worker_id text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- A setting alone would be a door: anybody may set it. The secret is that of the owner.
    select timestamptz 'epoch' + (p.parts)[2]::bigint * interval '1 microsecond', (p.parts)[3]
    from (
        select string_to_array(current_setting('stepgres.clock', true), ' ') as parts offset 0
    ) as p
    where (p.parts)[1] = (select s.secret from stepgres.secrets as s)
$$;

comment on function stepgres._clock() is
'Returns the time of a simulation and its worker; null outside of simulations.';

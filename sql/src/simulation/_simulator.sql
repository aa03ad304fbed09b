create function stepgres._simulator() returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when coalesce(current_setting('stepgres.clock', true), '') <> ''
            then (select c.worker_id from stepgres._clock() as c)
    end
$$;

comment on function stepgres._simulator() is
'Returns the worker of the simulation; null outside of simulations.';

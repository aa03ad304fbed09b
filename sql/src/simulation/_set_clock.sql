create function stepgres._set_clock(instant timestamptz, worker_id text) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select set_config(
        'stepgres.clock',
        format(
            '%s %s %s', s.secret, (extract(epoch from _set_clock.instant) * 1000000)::bigint,
            _set_clock.worker_id
        ),
        true
    )
    from stepgres.secrets as s
$$;

comment on function stepgres._set_clock(timestamptz, text) is
'Sets the time of a simulation, until the end of its subtransaction.';

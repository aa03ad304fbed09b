create function stepgres._includes(snapshot pg_snapshot, earlier pg_snapshot) returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select pg_snapshot_xmax(_includes.snapshot) >= pg_snapshot_xmax(_includes.earlier)
        and not exists (
        select from pg_snapshot_xip(_includes.snapshot) as x (xid)
        where pg_visible_in_snapshot(x.xid, _includes.earlier)
    )
$$;

comment on function stepgres._includes(pg_snapshot, pg_snapshot) is
'Says whether the first snapshot shows everything that the earlier snapshot shows.';

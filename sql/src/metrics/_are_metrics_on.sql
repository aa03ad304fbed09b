create function stepgres._are_metrics_on() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select not exists (select from stepgres.switched_off as o where o.part = 'metrics')
$$;

comment on function stepgres._are_metrics_on() is
'Says whether metrics are on; transactions that have called _follow ask _is_counting.';

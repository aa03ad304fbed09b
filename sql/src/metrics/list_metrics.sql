create function stepgres.list_metrics() returns setof stepgres.metric
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
    return query
    select m.name, m.labels, m.value, f.type, f.help
    from (
        select c.name, c.labels, c.value from stepgres._counters() as c
        union all
        select g.name, g.labels, g.value from stepgres._gauges() as g
    ) as m
    join stepgres._metric_families as f on f.name = m.name
    order by f.place, m.labels;
end
$$;

comment on function stepgres.list_metrics() is
'Lists the metrics: counters of tasks and runs, and gauges of queues, workers, waits and tick.

Names, types and units are those of Prometheus. A counter begins at 0 with the install and never
falls, also when runs are deleted. A call takes some milliseconds, however many runs there are:
see docs/operating.md for the bounds of the gauges. Before the first tick there is no
stepgres_tick_age_seconds.';

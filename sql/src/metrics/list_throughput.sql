create function stepgres.list_throughput(
    since interval default '1 hour', bucket interval default '1 minute'
) returns setof stepgres.throughput
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
    v_now timestamptz := stepgres._now();
    v_bucket interval;
    v_begin timestamptz;
begin
    if (since between '1 minute' and '2 days' and bucket between '1 minute' and since) is not true
    then
        raise exception 'there is no throughput of % in parts of %', since, bucket
            using errcode = 'SG014',
                hint = 'since: from 1 minute to 2 days. bucket: from 1 minute to since.';
    end if;
    -- date_bin takes no months, not even "1 month - 29 days"
    v_bucket := make_interval(secs => extract(epoch from bucket)::float8);
    v_begin := date_bin(
        v_bucket, v_now - make_interval(secs => extract(epoch from since)::float8), 'epoch'
    );
    return query
    with totals as (
        -- before the first sample everything is 0
        select b.began_at, coalesce(s.tasks_completed, 0) as tasks_completed,
            coalesce(s.tasks_failed, 0) as tasks_failed, coalesce(s.retries, 0) as retries,
            coalesce(s.runs_completed, 0) as runs_completed,
            coalesce(s.runs_failed, 0) as runs_failed,
            coalesce(s.runs_cancelled, 0) as runs_cancelled,
            coalesce(s.leases_expired, 0) as leases_expired
        from generate_series(v_begin, v_now, v_bucket) as b (began_at)
        left join lateral (
            select o.* from stepgres.metric_samples as o
            where o.sampled_at <= b.began_at order by o.sampled_at desc limit 1
        ) as s on true
        union all
        select 'infinity', t.tasks_completed, t.tasks_failed, t.retries, t.runs_completed,
            t.runs_failed, t.runs_cancelled, t.leases_expired
        from stepgres._metric_totals as t
    ),
    grown as (
        select t.began_at,
            lead(t.tasks_completed) over w - t.tasks_completed,
            lead(t.tasks_failed) over w - t.tasks_failed,
            lead(t.retries) over w - t.retries,
            lead(t.runs_completed) over w - t.runs_completed,
            lead(t.runs_failed) over w - t.runs_failed,
            lead(t.runs_cancelled) over w - t.runs_cancelled,
            lead(t.leases_expired) over w - t.leases_expired
        from totals as t
        window w as (order by t.began_at)
    )
    select g.* from grown as g where g.began_at < 'infinity' order by g.began_at;
end
$$;

comment on function stepgres.list_throughput(interval, interval) is
'Counts what has happened lately in parts of equal length: tasks and runs that have ended, failed
attempts that were tried again, and leases that have run out.

The last part is not over yet. Parts begin at multiples of bucket, counted from 1970 in UTC. The
numbers come from samples, one a minute. So an event near the begin of a part may be counted in the
part before or after.

Errors: SG014 a time or a part that is out of range.';

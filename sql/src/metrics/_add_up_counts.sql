create function stepgres._add_up_counts() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    if not exists (select from stepgres.metric_counts) then
        return;
    end if;
    -- One statement has one snapshot: it deletes the rows that it adds up, and no other row. The
    -- clock may have been set back, but the newest row always has the totals.
    with added as (
        delete from stepgres.metric_counts
    ),
    replaced as (
        delete from stepgres.metric_samples as s where s.sampled_at >= date_trunc('minute', v_now)
    )
    insert into stepgres.metric_samples
    select greatest(v_now, (select max(s.sampled_at) from stepgres.metric_samples as s)
            + interval '1 microsecond'),
        t.*
    from stepgres._metric_totals as t;
    delete from stepgres.metric_samples as s
    where s.sampled_at < (
        select max(o.sampled_at) from stepgres.metric_samples as o
        where o.sampled_at <= v_now - interval '2 days'
    );
end
$$;

comment on function stepgres._add_up_counts() is
'Adds what was counted to the totals, and deletes samples that are older than two days.

One older sample stays: it has the totals with which the two days began.';

create view stepgres._metric_totals as
select
    coalesce(sum(c.tasks_completed), 0)::bigint as tasks_completed,
    coalesce(sum(c.tasks_failed), 0)::bigint as tasks_failed,
    coalesce(sum(c.tasks_skipped), 0)::bigint as tasks_skipped,
    coalesce(sum(c.tasks_cancelled), 0)::bigint as tasks_cancelled,
    coalesce(sum(c.retries), 0)::bigint as retries,
    coalesce(sum(c.executions), 0)::bigint as executions,
    coalesce(sum(c.waited), 0) as waited,
    coalesce(sum(c.ran), 0) as ran,
    coalesce(sum(c.runs_completed), 0)::bigint as runs_completed,
    coalesce(sum(c.runs_failed), 0)::bigint as runs_failed,
    coalesce(sum(c.runs_cancelled), 0)::bigint as runs_cancelled,
    coalesce(sum(c.leases_expired), 0)::bigint as leases_expired,
    coalesce(sum(c.schedules_missed), 0)::bigint as schedules_missed
from (
    select o.* from stepgres.metric_counts as o
    union all
    (
        select
            s.tasks_completed,
            s.tasks_failed,
            s.tasks_skipped,
            s.tasks_cancelled,
            s.retries,
            s.executions,
            s.waited,
            s.ran,
            s.runs_completed,
            s.runs_failed,
            s.runs_cancelled,
            s.leases_expired,
            s.schedules_missed
        from stepgres.metric_samples as s
        order by s.sampled_at desc limit 1
    )
) as c;

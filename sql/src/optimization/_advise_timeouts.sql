create function stepgres._advise_timeouts(
    source stepgres.workflow_versions, current_version int, statistics stepgres.step_statistics[]
) returns setof stepgres._advice
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- The target is three times what 99 of 100 tasks took, and at least twice a timeout that was
    -- too short. It is at least 5 s, since a busy server makes short tasks several times as long. A
    -- current timeout that is near the target stays.
    with targets as (
        select s.step_slug, s.timeout::interval as defined, c.timeout::interval as current_timeout,
            k.runs, k.tasks, k.timeouts, k.longest_timeout, k.p99_duration,
            stepgres._round_up(greatest(
                interval '5 seconds', 3 * k.p99_duration,
                case when t.is_short then 2 * k.longest_timeout end
            )) as target,
            t.is_short
        from stepgres.steps as s
        join stepgres.steps as c
            on (c.workflow_slug, c.version, c.step_slug)
                = (s.workflow_slug, _advise_timeouts.current_version, s.step_slug)
        join unnest(statistics) as k on k.step_slug = s.step_slug
        -- a task that hangs now and then is no reason for a longer timeout: other tasks are far
        -- below it
        cross join lateral (
            select k.timeouts > 0
                and coalesce(3 * k.p95_duration > k.longest_timeout, true) as is_short
        ) as t
        where (s.workflow_slug, s.version) = (source.workflow_slug, source.version)
    ),
    wanted as (
        select t.*, case
            when t.current_timeout between make_interval(secs => t.target * 0.75)
                and make_interval(secs => t.target * 1.25)
                then extract(epoch from t.current_timeout)
            else t.target
        end as seconds
        from targets as t
    )
    select w.step_slug, 'timeout', to_jsonb(trim_scale(w.seconds)),
        format(
            '99 of 100 of %s tasks in %s runs took at most %s',
            w.tasks, w.runs, stepgres._duration_text(w.p99_duration)
        )
        || case when w.is_short then format(
            ', and %s attempts ran into a timeout of %s', w.timeouts,
            stepgres._duration_text(w.longest_timeout)
        ) else '' end
    from wanted as w
    where case
        when make_interval(secs => w.seconds) > w.defined
            then w.is_short or 1.5 * w.p99_duration > w.defined
        else make_interval(secs => w.seconds) <= 0.8 * w.defined and w.runs >= 20
    end
$$;

comment on function stepgres._advise_timeouts(
    stepgres.workflow_versions, int, stepgres.step_statistics[]
) is
'Advises timeouts that leave room above the durations of recorded tasks.

The advice raises a timeout that leaves too little room, and lowers a timeout only with 20 runs.';

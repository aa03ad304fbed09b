create function stepgres._fire_schedule(schedule stepgres.schedules) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_schedule stepgres.schedules := _fire_schedule.schedule;
    v_open uuid[] := stepgres._open_runs_of(v_schedule.schedule_slug);
    v_due_times timestamptz[];
    v_starts timestamptz[];
    v_wanted timestamptz[];
    v_count int;
    v_is_unbuffered boolean := false;
    v_late int;
begin
    -- delete_flow has locked the version, and deletes the schedule too.
    perform 1 from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug and w.version = coalesce(
            (v_schedule.options ->> 'version')::numeric::int, f.current_version
        )
    where f.workflow_slug = v_schedule.workflow_slug
    for key share of w skip locked;
    if not found then
        raise exception using errcode = 'SGLCK';
    end if;
    if v_schedule.buffered_at is not null and v_schedule.paused_at is null and v_open = '{}' then
        v_open := array_remove(array[
            stepgres._try_start_due(v_schedule, v_schedule.buffered_at, 'due')
        ], null);
        v_schedule.buffered_at := null;
        v_is_unbuffered := true;
    end if;
    -- A due time with a long jitter holds up the next ones: they are settled in order.
    select array_agg(o.due_at order by o.due_at), array_agg(o.starts_at order by o.due_at)
    into v_due_times, v_starts
    from (
        select d as due_at,
            max(d + stepgres._jitter_of(v_schedule, d)) over (order by d) as starts_at
        from unnest(v_schedule.next_due_at || stepgres._due_times(
            v_schedule, coalesce(v_schedule.next_due_at, 'infinity'), v_now,
            1000 + v_schedule.catch_up
        )) as d
    ) as o
    where o.starts_at <= v_now;
    -- of more than a batch, the last ones may be those that are made up: they wait for the rest
    v_count := least(coalesce(cardinality(v_due_times), 0), 1000);
    v_late := cardinality(v_due_times) - v_schedule.catch_up;
    -- pg_cron calls tick each minute: a due time that is two minutes late is missed. The last
    -- catch_up due times are made up.
    v_wanted := array(
        select v_due_times[i] from generate_series(1, v_count) as i
        where v_schedule.paused_at is null
            and (i > v_late or v_starts[i] >= v_now - interval '2 minutes')
        order by i
    );
    -- starting a run takes its time, and tick holds its lock meanwhile
    if v_schedule.overlap = 'allow_all' and cardinality(v_wanted) > 100 then
        v_wanted := v_wanted[:100];
        v_count := array_position(v_due_times, v_wanted[100]);
    end if;
    if v_schedule.overlap = 'cancel_other' and v_wanted <> '{}' and v_open <> '{}' then
        if not stepgres._cancel_open_runs(v_open) then
            raise exception using errcode = 'SGLCK';
        end if;
        v_open := '{}';
    end if;
    if v_count > 0 then
        perform stepgres._settle(
            v_schedule,
            array(select d from unnest(v_due_times[:v_count]) as d where d <> all (v_wanted)),
            case when v_schedule.paused_at is null then 'missed' else 'paused' end
        );
        v_schedule := stepgres._start_wanted(v_schedule, v_wanted, v_open);
        v_schedule := stepgres._moved_on(v_schedule, v_due_times[v_count]);
    else
        -- not by the rule: the next due time may be one of the rule before an update
        v_schedule.wakes_at := v_schedule.next_due_at
            + stepgres._jitter_of(v_schedule, v_schedule.next_due_at);
    end if;
    perform stepgres._store_schedule(v_schedule);
    return v_count + v_is_unbuffered::int;
end
$$;

comment on function stepgres._fire_schedule(stepgres.schedules) is
'Settles the next due times of a locked schedule, and the buffered one; returns their number.

These are at most 1,000 due times, of which at most 100 start runs.

Raises SGLCK if another transaction deletes the workflow, or has locked a run to be cancelled.';

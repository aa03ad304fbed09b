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
    v_wanted timestamptz[];
    v_count int;
    v_late int;
begin
    -- A workflow that is being deleted takes its schedules along: tick does not wait for that.
    if not stepgres._hold_version(v_schedule) then
        raise exception using errcode = 'SGLCK';
    end if;
    if v_schedule.buffered_at is not null and v_schedule.paused_at is null and v_open = '{}' then
        v_open := array_remove(array[
            stepgres._try_start_due(v_schedule, v_schedule.buffered_at, 'due')
        ], null);
        v_schedule.buffered_at := null;
    end if;
    v_due_times := array(
        select d from unnest(
            v_schedule.next_due_at || stepgres._due_times(
                v_schedule, coalesce(v_schedule.next_due_at, 'infinity'), v_now, 1000 + v_schedule.catch_up
            )
        ) as d
        where d + stepgres._jitter_of(v_schedule, d) <= v_now
        order by d
    );
    -- of more than a batch, the last ones may be those that are made up: they wait for the rest
    v_count := least(cardinality(v_due_times), 1000);
    v_late := cardinality(v_due_times) - v_schedule.catch_up;
    -- A due time is missed if tick comes more than a minute later. The last catch_up are made up.
    v_wanted := array(
        select t.due_at
        from unnest(v_due_times[:v_count]) with ordinality as t (due_at, place)
        where v_schedule.paused_at is null and (
            t.place > v_late or t.due_at + stepgres._jitter_of(v_schedule, t.due_at)
                >= v_now - interval '1 minute'
        )
        order by t.due_at
    );
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
        v_schedule := stepgres._moved_on(v_schedule, v_schedule.position);
    end if;
    perform stepgres._store_schedule(v_schedule);
    return v_count;
end
$$;

comment on function stepgres._fire_schedule(stepgres.schedules) is
'Settles the next 1,000 due times of a locked schedule, and returns their number.

It waits for no lock: it raises SGLCK instead.';

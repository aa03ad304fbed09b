create function stepgres._pass_over(schedule stepgres.schedules, outcome text, keeps_last boolean)
returns stepgres.schedules
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_schedule stepgres.schedules := _pass_over.schedule;
    v_due_times timestamptz[];
    v_count int;
begin
    if v_schedule.next_due_at > v_now then
        return v_schedule;
    end if;
    loop
        v_due_times := array_remove(
            v_schedule.next_due_at
            || stepgres._due_times(
                v_schedule, coalesce(v_schedule.next_due_at, 'infinity'), v_now, 1000
            ),
            null
        );
        v_count := cardinality(v_due_times);
        if v_count > 1000 or keeps_last then
            v_count := v_count - 1;
        end if;
        exit when v_count <= 0;
        perform stepgres._settle(v_schedule, v_due_times[:v_count], _pass_over.outcome);
        v_schedule := stepgres._moved_on(v_schedule, v_due_times[v_count]);
        exit when v_schedule.next_due_at is null or v_schedule.next_due_at > v_now;
    end loop;
    return v_schedule;
end
$$;

comment on function stepgres._pass_over(stepgres.schedules, text, boolean) is
'Settles the due times up to now without runs; keeps_last leaves the last one to tick.';

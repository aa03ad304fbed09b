create function stepgres._start_wanted(
    schedule stepgres.schedules, due_times timestamptz[], open_runs uuid[]
) returns stepgres.schedules
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := _start_wanted.schedule;
    v_is_free boolean := open_runs = '{}';
    v_due_at timestamptz;
    v_outcome text;
begin
    foreach v_due_at in array due_times loop
        v_outcome := case
            when v_schedule.overlap = 'allow_all' then 'started'
            when v_schedule.overlap = 'buffer_one' and v_schedule.buffered_at is not null
                then 'skipped'
            when v_schedule.overlap = 'buffer_one' and not v_is_free then 'buffered'
            when v_schedule.overlap = 'buffer_one' then 'started'
            -- of several that have come due together, the latest one runs
            when v_is_free and v_due_at = due_times[cardinality(due_times)] then 'started'
            else 'skipped'
        end;
        if v_outcome = 'started' then
            v_is_free := stepgres._try_start_due(v_schedule, v_due_at, 'due') is null;
        else
            perform stepgres._settle(v_schedule, array[v_due_at], v_outcome);
        end if;
        if v_outcome = 'buffered' then
            v_schedule.buffered_at := v_due_at;
        end if;
    end loop;
    return v_schedule;
end
$$;

comment on function stepgres._start_wanted(stepgres.schedules, timestamptz[], uuid[]) is
'Does with due times what overlap says, and returns the schedule with the buffered one.

open_runs are the active runs of the schedule.';

create function stepgres._fire_schedules() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_schedule stepgres.schedules;
    v_count int := 0;
    v_is_full boolean := false;
begin
    for v_schedule in
        select s.* from stepgres.schedules as s
        where s.wakes_at <= v_now
        order by s.wakes_at, s.schedule_slug limit 100
        for no key update skip locked
    loop
        begin
            v_count := v_count + stepgres._fire_schedule(v_schedule);
            -- Everything else that is due comes after the schedules, and the lock of tick is held:
            -- few runs are started at a time, and tick is called again at once.
            v_is_full := v_count >= 100 or exists (
                select from stepgres.schedules as s
                where s.schedule_slug = v_schedule.schedule_slug and s.wakes_at <= v_now
            );
        exception when sqlstate 'SGLCK' then
            -- It needs what another transaction has locked. The savepoint gives back what it has
            -- locked itself, and the next tick tries again.
            null;
        when others then
            if stepgres._is_passing(sqlstate) then
                raise;
            end if;
            raise warning 'schedule "%" cannot go on: %', v_schedule.schedule_slug, sqlerrm
                using hint = 'It is tried again in a minute. Correct it with update_schedule.';
            update stepgres.schedules as s set wakes_at = v_now + interval '1 minute'
            where s.schedule_slug = v_schedule.schedule_slug;
        end;
        exit when v_is_full;
    end loop;
    return case when v_is_full then greatest(v_count, 1000) else v_count end;
end
$$;

comment on function stepgres._fire_schedules() is
'Settles due times of schedules, and returns their number, or at least 1,000 if more may be due.

It starts about 100 runs, 200 at most.';

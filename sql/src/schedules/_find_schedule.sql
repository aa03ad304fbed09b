create function stepgres._find_schedule(schedule_slug text) returns stepgres.schedules
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules;
    v_names text[];
begin
    select s.* into v_schedule from stepgres.schedules as s
    where s.schedule_slug = _find_schedule.schedule_slug;
    if found then
        return v_schedule;
    end if;
    v_names := array(
        select s.schedule_slug from stepgres.schedules as s
        order by
            stepgres._likeness(s.schedule_slug, _find_schedule.schedule_slug) desc, s.schedule_slug
        limit 10
    );
    raise exception 'schedule "%" does not exist', left(_find_schedule.schedule_slug, 128)
        using errcode = 'SG035', hint = case
            when v_names = '{}'
                then 'There are no schedules yet: make one with create_schedule.'
            else format('Known schedules: %s.', array_to_string(v_names, ', '))
        end;
end
$$;

comment on function stepgres._find_schedule(text) is
'Returns a schedule; raises SG035, which names the closest schedules, if there is none.';

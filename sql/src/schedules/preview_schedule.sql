create function stepgres.preview_schedule(
    cron_or_slug text, timezone text default null, count int default 10
) returns setof timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_schedule stepgres.schedules;
begin
    if cron_or_slug is null then
        return;
    elsif (count between 0 and 1000) is not true then
        raise exception 'a preview cannot have % due times', count
            using errcode = 'SG014', hint = 'count: from 0 to 1,000.';
    end if;
    if stepgres._is_slug(cron_or_slug) then
        v_schedule := stepgres._find_schedule(cron_or_slug);
    else
        v_schedule.cron := cron_or_slug;
        v_schedule.timezone := 'UTC';
        v_schedule.position := v_now;
        perform stepgres._parse_cron(cron_or_slug);
    end if;
    if preview_schedule.timezone is not null then
        perform stepgres._check_timezone(preview_schedule.timezone);
        v_schedule.timezone := preview_schedule.timezone;
    end if;
    return query
    select d.* from unnest(stepgres._due_times(
        v_schedule, greatest(v_schedule.position, v_now), 'infinity', preview_schedule.count
    )) as d;
end
$$;

comment on function stepgres.preview_schedule(text, text, int) is
'Returns the next due times of a cron expression or of a schedule; nothing is stored or started.

The timezone replaces the time zone of the schedule; a cron expression without a timezone is meant
in UTC. The due times have no jitter. A paused schedule has due times too.

Errors: SG001 a malformed cron expression or time zone; SG014 a count that is not from 0 to 1,000;
SG035 unknown schedule.';

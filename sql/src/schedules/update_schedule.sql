create function stepgres.update_schedule(
    schedule_slug text,
    cron text default null,
    every interval default null,
    at timestamptz default null,
    input jsonb default null,
    timezone text default null,
    overlap text default null,
    catch_up int default null,
    jitter interval default null,
    starts_at timestamptz default null,
    ends_at timestamptz default null,
    due_key text default null,
    options jsonb default null
) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_changes jsonb := stepgres._schedule_arguments(
        update_schedule.cron, update_schedule.every, update_schedule.at, update_schedule.input,
        update_schedule.timezone, update_schedule.overlap, update_schedule.catch_up,
        update_schedule.jitter, update_schedule.starts_at, update_schedule.ends_at,
        update_schedule.due_key, update_schedule.options
    );
    v_schedule stepgres.schedules := stepgres._lock_schedule(update_schedule.schedule_slug);
begin
    if not v_schedule.is_in_force then
        raise exception 'schedule "%" is not in force', v_schedule.schedule_slug
            using errcode = 'SG001',
                hint = 'The current version of its workflow has no schedule.';
    elsif num_nonnulls(cron, every, at) > 0 then
        v_changes := '{"cron": null, "every": null, "at": null}' || v_changes;
    end if;
    perform stepgres._change_schedule(v_schedule, v_changes, null);
end
$$;

comment on function stepgres.update_schedule(
    text, text, interval, timestamptz, jsonb, text, text, int, interval, timestamptz, timestamptz,
    text, jsonb
) is
'Changes a schedule, until another declaration changes the same option; null leaves it as it is.

cron, every and at replace one another. An empty due_key removes it. Due times that have come before
the change are settled by the old rule; a changed rule has due times only from now on.

Errors: SG001 a malformed option, or a schedule that is not in force; SG002 unknown version;
SG003 a priority, deadline or tag that a run cannot have; SG035 unknown schedule.';

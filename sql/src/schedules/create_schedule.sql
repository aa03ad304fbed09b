create function stepgres.create_schedule(
    schedule_slug text,
    workflow_slug text,
    cron text default null,
    every interval default null,
    at timestamptz default null,
    input jsonb default '{}',
    timezone text default 'UTC',
    overlap text default 'skip',
    catch_up int default 1,
    jitter interval default null,
    starts_at timestamptz default null,
    ends_at timestamptz default null,
    due_key text default null,
    options jsonb default '{}'
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_culprit text := format('schedule "%s"', left(create_schedule.schedule_slug, 128));
    v_schedule stepgres.schedules;
    v_version stepgres.workflow_versions;
begin
    if stepgres._is_slug(create_schedule.schedule_slug) is not true then
        raise exception '% is no slug of a schedule',
            coalesce(quote_literal(left(create_schedule.schedule_slug, 128)), 'null')
            using errcode = 'SG001',
                hint = 'A slug starts with a letter or "_", and has at most 128 letters, digits '
                    'and "_".';
    end if;
    v_schedule := stepgres._read_schedule(
        stepgres._schedule_arguments(
            create_schedule.cron, create_schedule.every, create_schedule.at,
            coalesce(create_schedule.input, 'null'), create_schedule.timezone,
            create_schedule.overlap,
            create_schedule.catch_up, create_schedule.jitter, create_schedule.starts_at,
            create_schedule.ends_at, create_schedule.due_key, create_schedule.options
        ),
        v_culprit
    );
    v_version := stepgres._hold_version(
        create_schedule.workflow_slug, (v_schedule.options ->> 'version')::numeric::int
    );
    v_schedule.schedule_slug := create_schedule.schedule_slug;
    v_schedule.workflow_slug := v_version.workflow_slug;
    v_schedule.is_of_workflow := false;
    perform stepgres._declare_schedule(v_schedule);
    return v_schedule.schedule_slug;
end
$$;

comment on function stepgres.create_schedule(
    text, text, text, interval, timestamptz, jsonb, text, text, int, interval, timestamptz,
    timestamptz, text, jsonb
) is
'Declares a schedule, which starts runs of a workflow at its due times; returns its slug.

Exactly one of cron (five fields, or @daily and the like), every (multiples of it since starts_at,
or since 1970) and at (one time) is the rule. tick starts the run of each due time once. cron is
meant in the timezone; when the clocks change, fixed times in the gap come right after it, and fixed
times that are shown twice come once.

Declaring a schedule again changes only what differs from the last declaration. So a deploy undoes
no update_schedule and no pause.

overlap says what happens if a run of the schedule is still active at a due time: skip (no run),
buffer_one (one run waits for the end), cancel_other (the active run is cancelled), allow_all. A due
time is missed if tick comes more than two minutes late. The latest catch_up missed due times get
their runs nevertheless. jitter puts each start off by a part of this time, always the same part for
a due time. Due times lie between starts_at and ends_at. due_key is the key under which the due time
stands in the input. options: {"version", "priority", "deadline" in seconds, "tags"}.

Errors: SG001 a slug, rule or option that is malformed, a time zone that does not exist, a cron
expression that never comes due, a schedule that belongs to a workflow; SG002 unknown workflow or
version; SG003 a priority, deadline or tag that a run cannot have.';

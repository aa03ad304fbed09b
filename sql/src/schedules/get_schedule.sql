create function stepgres.get_schedule(schedule_slug text) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._find_schedule(get_schedule.schedule_slug);
begin
    return to_jsonb(stepgres._shown_schedule(v_schedule)) || jsonb_build_object(
        'every', trim_scale(extract(epoch from v_schedule.every)),
        'jitter', trim_scale(extract(epoch from v_schedule.jitter)),
        'declared', v_schedule.declared,
        'outcomes', coalesce((
            select stepgres._merge_objects(array_agg(jsonb_build_object(c.outcome, c.due_times)))
            from (
                select l.outcome, count(*) as due_times
                from (
                    select s.outcome from stepgres.schedule_runs as s
                    where s.schedule_slug = v_schedule.schedule_slug
                    order by s.due_at desc limit 1000
                ) as l
                group by l.outcome
            ) as c
        ), '{}'),
        'runs', coalesce((
            select to_jsonb(array_agg(l.shown order by l.due_at desc))
            from (
                select s.due_at, stepgres._shown_schedule_run(s) as shown
                from stepgres.schedule_runs as s
                where s.schedule_slug = v_schedule.schedule_slug
                order by s.due_at desc limit 20
            ) as l
        ), '[]')
    );
end
$$;

comment on function stepgres.get_schedule(text) is
'Returns a schedule as one document: its options, its last declaration, and its due times so far.

The document has the columns of stepgres.schedule, every and jitter in seconds, and in addition:
"declared", the last declaration; "outcomes": {outcome: number}, of the last 1,000 due times; and
"runs", the last 20 due times: [{the columns of stepgres.schedule_run}].

Errors: SG035 unknown schedule.';

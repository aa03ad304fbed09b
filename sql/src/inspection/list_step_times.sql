create function stepgres.list_step_times(
    run_id uuid, "limit" int default 200
) returns setof stepgres.critical_step
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(list_step_times.run_id);
    v_end timestamptz := coalesce(v_run.finished_at, stepgres._now());
begin
    perform stepgres._not_negative("limit", 'limit');
    return query
    select l.*
    from (
        select t as step
        from stepgres.step_states as t
        where t.run_id = v_run.run_id and t.started_at is not null
            and (t.finished_at is null or t.finished_at >= v_run.inserted_at)
        order by t.started_at, t.step_slug
        limit "limit"
    ) as s
    cross join lateral stepgres._spent(
        v_run, s.step, greatest((s.step).started_at, v_run.inserted_at),
        coalesce((s.step).finished_at, v_end)
    ) as l
    order by l.started_at, l.step_slug;
end
$$;

comment on function stepgres.list_step_times(uuid, int) is
'Returns when the steps of a run started and finished, and where the time between them went.

The first steps to start come first. The five durations are those of critical_path, counted from the
start of the step. Of a map step, the task that finished last counts. Steps that have not started,
and steps that a retry or a fork has copied, have no row. limit null returns all steps.

Errors: SG005 unknown run, SG014 a negative limit.';

create function stepgres._waits_open(run stepgres.runs) returns setof stepgres.stuck_step
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- The waits of a paused task are one row.
    select distinct w.step_slug, case
            when min(w.name) <> '' or w.kind = 'child' then min(w.task_index)
        end,
        case when run.paused_at is null then w.kind else 'pause' end,
        case
            when run.paused_at is not null then format('the run is paused since %s', run.paused_at)
            when w.kind = 'signal' then format('signal "%s"', w.signal) || case
                when count(*) > 1 then ''
                else coalesce(' under key "' || min(w.key) || '"', '')
                    || coalesce(' that meets ' || min(w.match::text), '')
            end
            when w.kind = 'child' then format('child run %s', min(w.child_run_id::text))
            when w.kind = 'approval' then case
                when count(*) > 1 then 'approvals'
                else format('approval %s "%s"', min(w.wait_id), min(w.approval ->> 'title'))
                    || coalesce(' by one of ' || min(w.approval ->> 'assignees'), '')
            end
            else min(w.name)
        end || case when count(*) > 1 then format(' (%s waits)', count(*)) else '' end,
        nullif(min(w.due_at), 'infinity')
    from stepgres.waits as w
    where w.run_id = run.run_id and w.resolved_at is null
    group by w.step_slug, w.kind, w.signal
$$;

comment on function stepgres._waits_open(stepgres.runs) is
'Returns what the steps and tasks of a run that have open waits wait for: part of why_stuck.';

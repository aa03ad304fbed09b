create function stepgres._fail_runs(
    failures stepgres._run_failure[], is_cancelled boolean default false
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[] := array(select f.run_id from unnest(_fail_runs.failures) as f);
    v_waiting uuid[];
    v_awaited uuid[];
    v_limited stepgres._task_key[];
    v_unique uuid[];
    v_handled uuid[];
    v_traced uuid[];
    v_count bigint;
begin
    with failed as (
        update stepgres.runs as r
        set status = 'failed', finished_at = v_now, remaining_ends = 0, error = f.error,
            failed_step = f.step_slug, paused_at = null,
            cancelled_at = case when _fail_runs.is_cancelled then v_now end
        from unnest(_fail_runs.failures) as f
        where r.run_id = f.run_id
        returning r.run_id, r.workflow_slug, r.inserted_at, r.depth, r.is_limited, r.unique_key,
            r.on_failure, r.traceparent
    ),
    listed as (
        insert into stepgres.failed_runs (run_id, workflow_slug, inserted_at)
        select f.run_id, f.workflow_slug, f.inserted_at from failed as f
    )
    select array_agg(f.run_id) filter (where f.depth is not null),
        array_agg((f.run_id, '', 0)::stepgres._task_key) filter (where f.is_limited),
        array_agg(f.run_id) filter (where f.unique_key is not null),
        array_agg(f.run_id) filter (where f.on_failure is not null and not is_cancelled),
        array_agg(f.run_id) filter (where f.traceparent is not null), count(*)
    into v_awaited, v_limited, v_unique, v_handled, v_traced, v_count
    from failed as f;
    if v_count > 0 and stepgres._is_counting() then
        insert into stepgres.metric_counts (runs_failed, runs_cancelled)
        select case when not _fail_runs.is_cancelled then v_count end,
            case when _fail_runs.is_cancelled then v_count end;
    end if;

    -- A started step without a task waits. Only then the open waits are looked for.
    with cancelled as (
        update stepgres.step_states as t
        set status = 'cancelled', finished_at = v_now
        where t.run_id = any (v_run_ids) and t.status in ('created', 'started')
        returning t.run_id, t.remaining_tasks
    )
    select array_agg(distinct c.run_id) into v_waiting
    from cancelled as c
    where c.remaining_tasks = 0;
    perform stepgres._cancel_waits(v_waiting);
    perform stepgres._withdraw_tasks(
        array(select (f.run_id, null)::stepgres._step_key from unnest(_fail_runs.failures) as f),
        'cancelled'
    );
    perform stepgres._leave_lines(v_limited);
    delete from stepgres.timers as t where t.run_id = any (v_run_ids);
    delete from stepgres.active_runs as a where a.run_id = any (v_run_ids);
    if v_awaited is not null then
        -- Nobody waits any more if the parents end together with their children.
        perform stepgres._note_ends((
            select array_agg(r.run_id) from stepgres.runs as r
            join stepgres.runs as p on p.run_id = r.parent_run_id and p.status = 'started'
            where r.run_id = any (v_awaited)
        ), null);
    end if;
    if v_unique is not null then
        perform stepgres._free_keys(v_unique);
    end if;
    if v_handled is not null then
        perform stepgres._note_failures(v_handled);
    end if;
    if v_traced is not null then
        perform stepgres._note_traces(v_traced);
    end if;
    perform stepgres._send_run_events(
        case when is_cancelled then 'workflow_cancelled' else 'workflow_failed' end, v_run_ids
    );
end
$$;

comment on function stepgres._fail_runs(stepgres._run_failure[], boolean) is
'Fails or cancels runs: no step or task of them stays unfinished.

No timer, no ticket and no open wait remains.';

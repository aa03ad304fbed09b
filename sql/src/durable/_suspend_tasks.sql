create function stepgres._suspend_tasks(suspended stepgres._suspended_task[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_idle stepgres._suspended_task[];
begin
    -- A body without an open or resolved wait would never be queued again.
    v_idle := array(
        select s from unnest(_suspend_tasks.suspended) as s
        where not exists (
            select from stepgres.waits as w
            where (w.run_id, w.step_slug, w.task_index) = (s.run_id, s.step_slug, s.task_index)
                and w.wait_id = any (coalesce(s.waits_for, array[w.wait_id]))
        )
    );
    if v_idle <> '{}' then
        perform stepgres._advance(stepgres._fail_tasks(array(
            select (
                i.run_id, i.step_slug, i.task_index, i.attempt,
                'the body has let go of its worker, and waits for nothing', false, null, null,
                null, null
            )::stepgres._task_failure
            from unnest(v_idle) as i
        )));
    end if;
    with suspended as (
        update stepgres.tasks as t
        set status = 'waiting', attempt = t.attempt - 1, queued_at = v_now
        from unnest(_suspend_tasks.suspended) as s
        where (t.run_id, t.step_slug, t.task_index) = (s.run_id, s.step_slug, s.task_index)
            and t.status = 'started'
        returning t.run_id, t.step_slug, t.task_index, t.claim, t.attempt, t.started_at,
            s.waits_for
    )
    insert into stepgres.suspensions (
        run_id, step_slug, task_index, claim, attempt, started_at, suspended_at, waits_for
    )
    select s.run_id, s.step_slug, s.task_index, s.claim, s.attempt + 1, s.started_at, v_now,
        s.waits_for
    from suspended as s;
    perform stepgres._free_places((
        select array_agg((t.run_id, t.step_slug, t.task_index)::stepgres._task_key)
        from unnest(_suspend_tasks.suspended) as s
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (s.run_id, s.step_slug, s.task_index)
        where t.is_limited
    ));
    perform stepgres._expand_maps_of(array(
        select (s.run_id, s.step_slug, s.task_index)::stepgres._task_key
        from unnest(_suspend_tasks.suspended) as s
    ));
    -- Some of the waits may have been resolved since the body looked.
    perform stepgres._wake_tasks(array(
        select w.wait_id
        from unnest(_suspend_tasks.suspended) as s
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (s.run_id, s.step_slug, s.task_index)
        join stepgres.waits as w
            on (w.run_id, w.step_slug, w.task_index) = (s.run_id, s.step_slug, s.task_index)
        where t.status = 'waiting' and w.resolved_at is not null and case
            when s.waits_for is not null then w.wait_id = any (s.waits_for)
            else w.resolved_at >= t.started_at
        end
    ));
end
$$;

comment on function stepgres._suspend_tasks(stepgres._suspended_task[]) is
'Lets tasks wait whose bodies have let go, without counting an attempt.

A task is queued at once if its waits were resolved meanwhile.';

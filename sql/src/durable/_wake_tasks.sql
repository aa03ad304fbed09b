create function stepgres._wake_tasks(wait_ids bigint[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_free stepgres._task_key[];
    v_others stepgres._task_key[];
begin
    if wait_ids is null or wait_ids = '{}' then
        return;
    end if;
    -- A task that waits for its next attempt was not suspended in its last claim.
    select array_agg(k.task) filter (where not o.has_open),
        array_agg(k.task) filter (where o.has_open)
    into v_free, v_others
    from (
        select u.run_id, u.step_slug, u.task_index, u.waits_for,
            -- a gathered wait that was resolved well wakes nobody while others are open
            bool_and(w.is_gathered and w.outcome in ('signalled', 'approved', 'completed'))
                as is_gathered
        from stepgres.waits as w
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (w.run_id, w.step_slug, w.task_index)
        join stepgres.suspensions as u
            on (u.run_id, u.step_slug, u.task_index, u.claim)
                = (t.run_id, t.step_slug, t.task_index, t.claim)
        where w.wait_id = any (_wake_tasks.wait_ids) and w.resolved_at is not null
            and t.status = 'waiting' and u.resumed_at is null
            and (u.waits_for is null or w.wait_id = any (u.waits_for))
        group by u.run_id, u.step_slug, u.task_index, u.waits_for
    ) as s
    cross join lateral (
        select coalesce(bool_or(true), false) as has_open,
            coalesce(bool_or(w.is_gathered), false) as has_gathered
        from stepgres.waits as w
        where (w.run_id, w.step_slug, w.task_index) = (s.run_id, s.step_slug, s.task_index)
            and w.resolved_at is null and (s.waits_for is null or w.wait_id = any (s.waits_for))
    ) as o
    cross join lateral (
        select (s.run_id, s.step_slug, s.task_index)::stepgres._task_key as task
    ) as k
    where not (s.is_gathered and o.has_gathered);
    perform stepgres._resume_tasks(v_free);
    if v_others is not null then
        -- Waits that are resolved within a second are taken together.
        insert into stepgres.timers (run_id, kind, step_slug, task_index, due_at, remaining)
        select k.run_id, 'wake', k.step_slug, k.task_index,
            case when r.paused_at is null then v_now + interval '1 second' else 'infinity' end,
            case when r.paused_at is not null then interval '1 second' end
        from unnest(v_others) as k
        join stepgres.runs as r on r.run_id = k.run_id
        on conflict do nothing;
    end if;
end
$$;

comment on function stepgres._wake_tasks(bigint[]) is
'Queues suspended tasks whose waits were resolved; the caller has locked their runs.

A task that has other open waits is queued a second later, with all that is resolved by then. A task
that gathers is queued when all its gathered waits are resolved, or one of them failed.';

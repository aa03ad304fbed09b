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
    -- A task with a timer of the kind task waits for its next attempt, not for its waits.
    select array_agg(k.task) filter (where not o.has_open),
        array_agg(k.task) filter (where o.has_open)
    into v_free, v_others
    from (
        select w.run_id, w.step_slug, w.task_index,
            -- a gathered wait that was resolved well wakes nobody while others are open
            bool_and(w.is_gathered and w.outcome in ('signalled', 'approved', 'completed'))
                as is_gathered
        from stepgres.waits as w
        where w.wait_id = any (_wake_tasks.wait_ids) and w.name <> ''
            and w.resolved_at is not null
        group by w.run_id, w.step_slug, w.task_index
    ) as s
    join stepgres.tasks as t
        on (t.run_id, t.step_slug, t.task_index) = (s.run_id, s.step_slug, s.task_index)
    cross join lateral (
        select
            exists (
                select from stepgres.waits as w
                where (w.run_id, w.step_slug, w.task_index) = (s.run_id, s.step_slug, s.task_index)
                    and w.resolved_at is null
            ) as has_open,
            s.is_gathered and exists (
                select from stepgres.waits as w
                where (w.run_id, w.step_slug, w.task_index) = (s.run_id, s.step_slug, s.task_index)
                    and w.resolved_at is null and w.is_gathered
            ) as stays
    ) as o
    cross join lateral (
        select (s.run_id, s.step_slug, s.task_index)::stepgres._task_key as task
    ) as k
    where t.status = 'waiting' and not o.stays and not exists (
        select from stepgres.timers as m
        where (m.run_id, m.kind, m.step_slug, m.task_index)
            = (s.run_id, 'task', s.step_slug, s.task_index)
    );
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

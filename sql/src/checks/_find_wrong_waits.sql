create function stepgres._find_wrong_waits() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a wait keeps the rules of its table', w.run_id,
        format('wait %s: %s', w.wait_id, stepgres._fault_of(w))
    from stepgres.waits as w
    where stepgres._fault_of(w) is not null
    union all
    select 'a signal keeps the rules of its table', s.run_id,
        format('signal %s: %s', s.signal_id, stepgres._fault_of(s))
    from stepgres.signals as s
    where stepgres._fault_of(s) is not null
    union all
    select 'a started step without tasks waits, and no other step does',
        coalesce(t.run_id, w.run_id), format('step %s', coalesce(t.step_slug, w.step_slug))
    from (
        select s.run_id, s.step_slug from stepgres.step_states as s
        where s.status = 'started' and s.initial_tasks = 0
    ) as t
    full join (
        select o.run_id, o.step_slug from stepgres.waits as o
        where o.name = '' and o.resolved_at is null and o.kind <> 'child'
    ) as w
        on w.run_id = t.run_id and w.step_slug = t.step_slug
    where t.run_id is null or w.run_id is null
    union all
    select 'open waits of active runs go on, of paused runs stand still, of finished runs are gone',
        w.run_id, format('wait %s: %s', w.wait_id, w.due_at)
    from stepgres.waits as w
    left join stepgres.runs as r on r.run_id = w.run_id
    where w.resolved_at is null and (
        r.status is distinct from 'started'
        or (w.due_at is not null and (r.paused_at is null) <> (w.remaining is null))
    )
    union all
    select 'a wait has the run and the workflow that it names', w.run_id,
        format('wait %s', w.wait_id)
    from stepgres.waits as w
    left join stepgres.runs as r on r.run_id = w.run_id
    where r.workflow_slug is distinct from w.workflow_slug
    union all
    select 'a signal has the wait that has consumed it, and the wait has the signal',
        coalesce(s.run_id, w.run_id),
        format('signal %s, wait %s', s.signal_id, w.wait_id)
    from (select c.* from stepgres.signals as c where c.wait_id is not null) as s
    full join (select c.* from stepgres.waits as c where c.signal_id is not null) as w
        on w.wait_id = s.wait_id and w.signal_id = s.signal_id and w.run_id = s.run_id
    where s.signal_id is null or w.wait_id is null
    union all
    -- The sender of a new signal has locked no run: tick deletes the signal of a run that is gone.
    select 'a signal has a run', s.run_id, format('signal %s', s.signal_id)
    from stepgres.signals as s
    where s.run_id is not null and not s.is_new
        and not exists (select from stepgres.runs as r where r.run_id = s.run_id)
    union all
    select 'a signal that tick has seen goes to the wait that is open for it', w.run_id,
        format('signal %s, wait %s', s.signal_id, w.wait_id)
    from stepgres.signals as s
    join stepgres.waits as w on w.signal = s.signal and w.resolved_at is null and not w.is_new
    join stepgres.runs as r on r.run_id = w.run_id and r.paused_at is null
    where s.wait_id is null and not s.is_new and w.match is null
        and (s.run_id = w.run_id or (s.run_id is null and s.key = w.key))
        and (s.expires_at > stepgres._now()) is not false
$$;

comment on function stepgres._find_wrong_waits() is
'Returns waits and signals that contradict one another, their runs or their steps: part of fsck.';

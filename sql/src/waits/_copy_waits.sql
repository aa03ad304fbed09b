create function stepgres._copy_waits(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- materialized, and offset 0: as in _copy_finished_steps
    with kept as materialized (
        select r.run_id as new_run_id, o.*
        from stepgres.runs as r
        join stepgres.step_states as t on t.run_id = r.run_id
        cross join lateral (
            select w.* from stepgres.waits as w
            where w.run_id = r.retried_from and w.step_slug = t.step_slug offset 0
        ) as o
        where r.run_id = any (_copy_waits.run_ids) and o.resolved_at is not null and (
            t.finished_at is not null
            -- The body of an unfinished step opens the others anew. Among them is a wait that has
            -- ended badly, unless the body has gone on after that.
            or (o.name <> '' and o.outcome in ('signalled', 'approved', 'completed'))
            or (o.name <> '' and o.outcome <> 'cancelled' and exists (
                select from stepgres.checkpoints as c
                where (c.run_id, c.step_slug, c.task_index) = (o.run_id, o.step_slug, o.task_index)
                    and c.saved_at > o.resolved_at
            ))
        )
    ),
    copied as (
        insert into stepgres.waits (
            run_id, workflow_slug, step_slug, task_index, name, number, kind, signal, match, key,
            is_gathered, child_run_id, is_detached, approval, opened_at, resolved_at, outcome,
            payload, error, signal_id
        )
        select k.new_run_id, k.workflow_slug, k.step_slug, k.task_index, k.name, k.number, k.kind,
            k.signal, k.match, k.key, k.is_gathered, k.child_run_id, k.is_detached, k.approval,
            k.opened_at, k.resolved_at, k.outcome, k.payload, k.error, k.signal_id
        from kept as k
        returning wait_id, run_id, step_slug, task_index, name, number
    )
    -- A signal with a key was for whichever run waited first: its idempotency key stays there.
    insert into stepgres.signals (
        run_id, signal, key, payload, idempotency_key, source, sent_by, sent_at, expires_at,
        is_new, wait_id, consumed_at
    )
    select c.run_id, s.signal, s.key, s.payload, case when s.key is null then s.idempotency_key end,
        s.source, s.sent_by, s.sent_at, s.expires_at, false, c.wait_id, s.consumed_at
    from copied as c
    join kept as k
        on (k.new_run_id, k.step_slug, k.task_index, k.name, k.number)
            = (c.run_id, c.step_slug, c.task_index, c.name, c.number)
    join stepgres.signals as s on s.signal_id = k.signal_id;

    update stepgres.waits as w set signal_id = s.signal_id
    from stepgres.signals as s
    where s.run_id = any (_copy_waits.run_ids) and s.wait_id is not null
        and w.wait_id = s.wait_id;
    perform stepgres._copy_decisions(_copy_waits.run_ids);
end
$$;

comment on function stepgres._copy_waits(uuid[]) is
'Copies the resolved waits of retried runs into the new runs: of finished steps, and of bodies.

The signals that these waits have consumed, and the decisions on them, go along.';

create function stepgres._open_waits(waits stepgres._new_wait[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_is_old boolean := current_setting('transaction_isolation')
        not in ('read committed', 'read uncommitted');
    v_first bigint;
    v_refused stepgres.waits[];
begin
    if waits is null then
        return null;
    end if;
    -- In the order of the keys: an insert waits for another transaction that opens a wait under the
    -- same key. The snapshot of a higher isolation level may not show a signal that tick has seen.
    with opened as (
        insert into stepgres.waits (
            run_id, workflow_slug, step_slug, task_index, name, number, kind, signal, match, key,
            is_new, is_gathered, child_run_id, approval, due_at, remaining, opened_at
        )
        select n.run_id, r.workflow_slug, n.step_slug, n.task_index, n.name, n.number, n.kind,
            n.signal, n.match, n.key, n.key is not null or v_is_old, n.is_gathered, n.child_run_id,
            n.approval,
            case when r.paused_at is not null and n.due_at is not null then 'infinity'
                else n.due_at end,
            case when r.paused_at is not null then stepgres._time_left(n.due_at, v_now) end,
            v_now
        from unnest(_open_waits.waits) with ordinality as n (
            run_id, step_slug, task_index, name, number, kind, signal, match, key, is_gathered,
            child_run_id, approval, due_at, place
        )
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        order by n.signal, n.key, n.place
        on conflict do nothing
        returning wait_id
    )
    select min(o.wait_id) into v_first from opened as o;

    -- A wait that is missing now has a key that another open wait holds.
    with refused as (
        insert into stepgres.waits as w (
            run_id, workflow_slug, step_slug, task_index, name, number, kind, signal, match, key,
            opened_at, resolved_at, outcome, error
        )
        select n.run_id, r.workflow_slug, n.step_slug, n.task_index, n.name, n.number, n.kind,
            n.signal, n.match, n.key, v_now, v_now, 'failed',
            format('key "%s" of signal "%s" is held by %s', n.key, n.signal, coalesce(
                format('step "%s" of run %s', h.step_slug, h.run_id), 'another step'
            ))
        from unnest(_open_waits.waits) as n
        join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
        left join lateral (
            select o.run_id, o.step_slug from stepgres.waits as o
            where o.signal = n.signal and o.key = n.key and o.resolved_at is null offset 0
        ) as h on true
        where n.key is not null and not exists (
            select from stepgres.waits as o
            where (o.run_id, o.step_slug, o.task_index, o.name, o.number)
                = (n.run_id, n.step_slug, n.task_index, n.name, n.number)
            offset 0
        )
        returning w as wait
    )
    select array_agg(f.wait) into v_refused from refused as f;
    return stepgres._apply_waits(v_refused) || stepgres._resolve_waits((stepgres._match_signals(
        array(select distinct n.run_id from unnest(_open_waits.waits) as n),
        coalesce(v_first, 9223372036854775807)
    )).resolutions);
end
$$;

comment on function stepgres._open_waits(stepgres._new_wait[]) is
'Opens waits, and resolves those for which an unread signal is there; a wait opens once.

A wait under a key that another open wait of the signal has is resolved as failed. Returns the steps
that are finished by this. The caller has locked the runs.';

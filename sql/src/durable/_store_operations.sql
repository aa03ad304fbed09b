create function stepgres._store_operations(operations stepgres._operation[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_new stepgres._operation[];
    v_waits stepgres._new_wait[];
    v_children stepgres._new_child[];
    v_full record;
begin
    v_new := array(
        select k.operation
        from (
            select distinct on (o.run_id, o.step_slug, o.task_index, o.name, o.number)
                o as operation
            from unnest(_store_operations.operations) as o
            order by o.run_id, o.step_slug, o.task_index, o.name, o.number, o.place
        ) as k
        where not exists (
            select from stepgres.checkpoints as c
            where (c.run_id, c.step_slug, c.task_index, c.name, c.number) = (
                (k.operation).run_id, (k.operation).step_slug, (k.operation).task_index,
                (k.operation).name, (k.operation).number
            )
        )
        order by (k.operation).place
    );
    if v_new = '{}' then
        return;
    end if;
    v_waits := array(
        select stepgres._new_wait_of(n) from unnest(v_new) as n
        where n.wait is not null and n.wait ->> 'kind' is distinct from 'child'
    );
    v_children := array(
        select stepgres._new_child_of(n) from unnest(v_new) as n where n.wait ->> 'kind' = 'child'
    );
    if cardinality(v_waits) > 0 then
        perform stepgres._advance(stepgres._open_waits(v_waits));
    end if;
    perform stepgres._start_children(v_children);
    perform stepgres._fail_unstarted(v_children);
    insert into stepgres.checkpoints (
        run_id, step_slug, task_index, place, name, number, wait_id, output, error, error_type,
        saved_at
    )
    select n.run_id, n.step_slug, n.task_index,
        l.place + row_number() over (
            partition by n.run_id, n.step_slug, n.task_index order by n.place
        ),
        n.name, n.number, w.wait_id, n.output, n.error, n.error_type, v_now
    from unnest(v_new) as n
    cross join lateral (
        select coalesce(max(c.place), 0) as place from stepgres.checkpoints as c
        where (c.run_id, c.step_slug, c.task_index) = (n.run_id, n.step_slug, n.task_index)
    ) as l
    left join lateral (
        select o.wait_id from stepgres.waits as o
        where (o.run_id, o.step_slug, o.task_index, o.name, o.number)
            = (n.run_id, n.step_slug, n.task_index, n.name, n.number)
        offset 0
    ) as w on n.wait is not null;

    -- What is new forgives the attempts before.
    update stepgres.tasks as t
    set counted_from = t.attempt - 1
    from (select distinct n.run_id, n.step_slug, n.task_index from unnest(v_new) as n) as k
    where (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
        and t.counted_from is distinct from t.attempt - 1;

    select c.run_id, c.step_slug, c.task_index into v_full
    from (select distinct n.run_id, n.step_slug, n.task_index from unnest(v_new) as n) as k
    join stepgres.checkpoints as c
        on (c.run_id, c.step_slug, c.task_index, c.place)
            = (k.run_id, k.step_slug, k.task_index, 10001);
    if found then
        raise exception 'task %/%/% has more than 10,000 checkpoints and waits',
            v_full.run_id, v_full.step_slug, v_full.task_index
            using errcode = 'SG030',
                hint = 'A body that goes on for long begins anew at times, with context.restart: '
                    'then it has no checkpoints.';
    end if;
end
$$;

comment on function stepgres._store_operations(stepgres._operation[]) is
'Stores operations that are new, and opens their waits; the caller has locked the runs.

Raises SG030 if a task has too many operations.';

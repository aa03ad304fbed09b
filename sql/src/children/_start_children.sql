create function stepgres._start_children(children stepgres._new_child[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_earlier uuid[];
    v_failed uuid[];
    v_completed uuid[];
    v_group record;
begin
    if coalesce(cardinality(children), 0) = 0 then
        return;
    end if;
    select array_agg(n.retried_from) into v_earlier
    from unnest(_start_children.children) as n where n.retried_from is not null;
    if v_earlier is not null then
        -- key share: the runs are not deleted while they are copied. skip locked: a run that is
        -- being deleted is not waited for, and its step begins anew.
        select array_agg(l.run_id) filter (where l.status = 'failed'),
            array_agg(l.run_id) filter (where l.status = 'completed')
        into v_failed, v_completed
        from (
            select r.run_id, r.status from stepgres.runs as r
            where r.run_id = any (v_earlier) and r.status <> 'started'
                and r.payloads_deleted_at is null
            for key share skip locked
        ) as l;
    end if;
    -- The wait comes first, and names the child. A wait that exists has started its child before.
    for v_group in
        with named as materialized (
            select n.place, n.run_id, n.step_slug, n.task_index, n.name, n.number, n.is_gathered,
                n.is_detached, n.workflow_slug, n.version, n.input,
                case
                    when n.retried_from = any (v_completed) then n.retried_from else n.new_id
                end as child_run_id,
                case when n.retried_from = any (v_failed) then n.retried_from end as retried_from,
                coalesce(n.retried_from = any (v_completed), false) as is_over
            from rows from (
                unnest(_start_children.children),
                unnest(stepgres._new_run_ids(cardinality(_start_children.children)))
            ) with ordinality as n (
                run_id, step_slug, task_index, name, number, is_gathered, is_detached,
                workflow_slug, version, input, retried_from, new_id, place
            )
        ),
        opened as (
            insert into stepgres.waits as w (
                run_id, workflow_slug, step_slug, task_index, name, number, kind, is_gathered,
                is_detached, child_run_id, opened_at
            )
            select n.run_id, r.workflow_slug, n.step_slug, n.task_index, n.name, n.number, 'child',
                n.is_gathered, n.is_detached, n.child_run_id, v_now
            from named as n
            join stepgres.runs as r on r.run_id = n.run_id and r.status = 'started'
            order by n.place
            on conflict do nothing
            returning w.child_run_id
        )
        select n.run_id, n.step_slug, n.workflow_slug, n.version, n.is_over,
            array_agg(n.child_run_id order by n.place) as child_run_ids,
            array_agg(n.input order by n.place) as inputs,
            array_agg(n.retried_from order by n.place) filter (where n.retried_from is not null)
                as retried_from
        from opened as o
        join named as n on n.child_run_id = o.child_run_id
        group by n.run_id, n.step_slug, n.workflow_slug, n.version, n.is_over,
            n.retried_from is null
        order by min(n.place)
    loop
        if v_group.is_over then
            perform stepgres._note_ends(v_group.child_run_ids, null);
        else
            perform stepgres._start_child_runs(
                v_group.run_id, v_group.step_slug, v_group.workflow_slug, v_group.version,
                v_group.child_run_ids, v_group.inputs, v_group.retried_from
            );
        end if;
    end loop;
end
$$;

comment on function stepgres._start_children(stepgres._new_child[]) is
'Opens waits for child runs, and starts these runs; the caller has locked the parents.

A wait that exists already starts nothing. A child that cannot start ends with the error, as any
child ends: _fail_unstarted or tick resolves its wait. retried_from is an earlier child. If it has
failed, the new child continues it. If it has completed, the wait gets its output.';

create function stepgres._start_child_tasks(tasks stepgres._new_task[], are_new boolean)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_tasks stepgres.tasks[];
begin
    -- A child that starts may start children. These wait for the next tick: a workflow that starts
    -- itself at once would otherwise fill this transaction.
    if are_new and current_setting('stepgres.is_starting_children', true) = 'on' then
        perform stepgres._delay_tasks(
            _start_child_tasks.tasks,
            array_fill(interval '0', array[cardinality(_start_child_tasks.tasks)])
        );
        perform stepgres._notify_workers();
        return;
    end if;
    -- The attempt is counted when it ends, as for a task that was claimed and handed back.
    if are_new then
        with started as (
            insert into stepgres.tasks as t (
                run_id, step_slug, task_index, status, queued_at, started_at, input
            )
            select n.run_id, n.step_slug, n.task_index, 'waiting', v_now, v_now, n.input
            from unnest(_start_child_tasks.tasks) as n
            returning t as task
        )
        select array_agg(s.task) into v_tasks from started as s;
    else
        with started as (
            update stepgres.tasks as t
            set status = 'waiting', queued_at = v_now, started_at = v_now, error = null
            from unnest(_start_child_tasks.tasks) as n
            where (t.run_id, t.step_slug, t.task_index) = (n.run_id, n.step_slug, n.task_index)
                and t.status in ('queued', 'waiting')
            returning t as task
        )
        select array_agg(s.task) into v_tasks from started as s;
    end if;
    perform stepgres._start_children(array(
        select (
            t.run_id, t.step_slug, t.task_index, '', t.attempt + 1, false, false,
            s.child ->> 'workflow', (s.child ->> 'version')::int,
            case when t.input is not null then t.input else (
                select i.input from stepgres._step_inputs as i
                where i.run_id = t.run_id and i.step_slug = t.step_slug
            ) end,
            l.child_run_id
        )::stepgres._new_child
        from unnest(v_tasks) as t
        join stepgres.runs as r on r.run_id = t.run_id
        cross join lateral (
            select def.* from stepgres.steps as def
            where (def.workflow_slug, def.version, def.step_slug)
                = (r.workflow_slug, r.version, t.step_slug)
            offset 0
        ) as s
        left join lateral (
            select o.child_run_id
            from (
                select w.child_run_id, w.outcome from stepgres.waits as w
                where (w.run_id, w.step_slug, w.task_index, w.name)
                    = (t.run_id, t.step_slug, t.task_index, '')
                order by w.number desc limit 1
            ) as o
            where o.outcome in ('failed', 'cancelled')
        ) as l on true
        order by t.run_id, t.step_slug, t.task_index
    ));
end
$$;

comment on function stepgres._start_child_tasks(stepgres._new_task[], boolean) is
'Starts the child runs that are the bodies of tasks; the tasks wait, and no worker holds them.

The tasks are new, or (not are_new) they have a row and are tried again: then the child continues
the last one, which has failed.';

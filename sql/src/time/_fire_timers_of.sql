create function stepgres._fire_timers_of(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_fired int;
    v_overdue stepgres._run_failure[];
    v_starting uuid[];
    v_let_in uuid[];
    v_lined_up uuid[];
    v_unique uuid[];
    v_tasks stepgres._task_key[];
    v_woken stepgres._task_key[];
begin
    with fired as (
        delete from stepgres.timers as t
        -- is true: so the timers are found by their runs, and not among all that are due
        where t.run_id = any (_fire_timers_of.run_ids) and (t.due_at <= v_now) is true
        returning t.run_id, t.kind, t.step_slug, t.task_index
    )
    select count(*)::int,
        array_agg((
            f.run_id, null,
            format(
                'run did not end within its deadline of %s s',
                extract(epoch from r.deadline)::float8
            )
        )::stepgres._run_failure) filter (where f.kind = 'run_deadline'),
        array_agg(f.run_id) filter (where f.kind = 'run_start' and r.is_limited is null),
        array_agg(f.run_id) filter (where f.kind = 'let_in' and r.status = 'started'),
        array_agg(f.run_id) filter (where f.kind = 'run_start' and r.is_limited),
        array_agg(f.run_id) filter (where f.kind = 'run_start' and r.unique_key is not null),
        array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key)
            filter (where f.kind = 'task'),
        array_agg((f.run_id, f.step_slug, f.task_index)::stepgres._task_key)
            filter (where f.kind = 'wake')
    into v_fired, v_overdue, v_starting, v_let_in, v_lined_up, v_unique, v_tasks, v_woken
    from fired as f
    join stepgres.runs as r on r.run_id = f.run_id;

    -- Deadlines come first: a run that is over starts nothing more.
    if v_overdue is not null then
        perform stepgres._fail_runs(v_overdue);
    end if;
    if v_unique is not null then
        perform stepgres._begin_unique_runs(v_unique);
    end if;
    perform stepgres._start_ready_steps(v_starting);
    if v_let_in is not null then
        perform stepgres._go_on(v_let_in);
        perform stepgres._start_ready_steps(v_let_in);
    end if;
    -- A run whose key another run still has does not stand in a line yet, and a run that has just
    -- met its deadline never does.
    perform stepgres._line_up_runs(
        (
            select array_agg(r.run_id order by r.run_id) from stepgres.runs as r
            where r.run_id = any (v_lined_up) and r.status = 'started' and not exists (
                select from stepgres.timers as m
                where m.run_id = r.run_id and m.kind = 'run_start'
                offset 0
            )
        ),
        'queue'
    );
    perform stepgres._requeue_tasks(v_tasks);
    perform stepgres._resume_tasks(v_woken);
    return v_fired;
end
$$;

comment on function stepgres._fire_timers_of(uuid[]) is
'Fires the due timers of locked runs, and returns their number.

It fails runs that exceed their deadline, starts delayed runs and runs that were let in, and queues
tasks whose wait is over.';

create function stepgres._store_progress(worker_id text, tasks jsonb) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_bad bigint;
    v_report record;
begin
    select r.ordinality - 1 into v_bad
    from jsonb_array_elements(tasks) with ordinality as r (task, ordinality)
    where coalesce(r.task -> 'progress', 'null') <> 'null' and not coalesce(
        jsonb_typeof(r.task #> '{progress,done}') = 'number'
        and coalesce(jsonb_typeof(r.task #> '{progress,total}'), 'null') in ('number', 'null')
        and coalesce(jsonb_typeof(r.task #> '{progress,message}'), 'null') in ('string', 'null'),
        false
    )
    limit 1;
    if v_bad is not null then
        raise exception 'tasks[%]: progress is malformed', v_bad
            using errcode = 'SG003',
                hint = 'Pass {"done": number, "total": number, "message": text}, or null for the'
                    ' last two.';
    end if;
    for v_report in
        select t.run_id, t.step_slug, t.task_index, t.claim, t.attempt,
            (k.progress ->> 'done')::numeric as done, (k.progress ->> 'total')::numeric as total,
            left(k.progress ->> 'message', 1000) as message, p.ctid as row_id
        from jsonb_to_recordset(_store_progress.tasks) as k (
            run_id uuid, step_slug text, task_index int, claim int, attempt int, progress jsonb
        )
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (k.run_id, k.step_slug, k.task_index)
        left join stepgres.task_progress as p
            on (p.run_id, p.step_slug, p.task_index) = (k.run_id, k.step_slug, k.task_index)
        where k.progress <> 'null' and t.status = 'started'
            and coalesce(t.claim = k.claim, t.attempt = k.attempt)
            and t.worker_id = _store_progress.worker_id
    loop
        if v_report.row_id is null then
            insert into stepgres.task_progress (
                run_id, step_slug, task_index, claim, done, total, message, reported_at
            )
            values (
                v_report.run_id, v_report.step_slug, v_report.task_index, v_report.claim,
                v_report.done, v_report.total, v_report.message, v_now
            )
            on conflict on constraint task_progress_pkey do nothing;
        else
            -- skip locked: a heartbeat waits for nobody, and the next report says more.
            update stepgres.task_progress as p
            set claim = v_report.claim, done = v_report.done, total = v_report.total,
                message = v_report.message, reported_at = v_now
            where p.ctid = (
                select o.ctid from stepgres.task_progress as o
                where o.ctid = v_report.row_id for no key update skip locked
            );
        end if;
        if current_setting('stepgres.followed', true) = 'changes' then
            perform stepgres._record_event((
                'task_progress', v_report.run_id, null, null, v_report.step_slug,
                v_report.task_index, v_report.attempt, v_now, null
            ));
        end if;
    end loop;
end
$$;

comment on function stepgres._store_progress(text, jsonb) is
'Stores how far the steps of started tasks have come, and tells subscribers; part of heartbeat.';

create function stepgres._hand_out(
    started stepgres.work_item[], row_ids tid[], resumed stepgres._task_key[]
)
returns setof stepgres.work_item
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_item stepgres.work_item;
    v_size bigint := 0;
    v_count int := 0;
    -- One input after the other, as this is a cursor: nothing is made of those that are not fetched. What a step
    -- gets is made only for a task without an element of its own.
    v_items cursor for
        select k.run_id, k.workflow_slug, k.workflow_version, k.step_slug, k.task_index, k.attempt,
            case when t.input is not null then t.input else (
                select i.input from stepgres._step_inputs as i
                where i.run_id = k.run_id and i.step_slug = k.step_slug
            ) end,
            k.timeout, k.transactional, k.sql_function, k.priority, k.is_last_attempt, k.is_refused
        from rows from (unnest(_hand_out.started), unnest(_hand_out.row_ids)) as k (
            run_id, workflow_slug, workflow_version, step_slug, task_index, attempt, input, timeout, transactional,
            sql_function, priority, is_last_attempt, is_refused, row_id
        )
        cross join lateral (select o.input from stepgres.tasks as o where o.ctid = k.row_id offset 0) as t;
begin
    open v_items;
    loop
        fetch v_items into v_item;
        exit when not found;
        return next v_item;
        v_count := v_count + 1;
        -- A worker waits for an answer only for so long: it gets no more than 32 MB, or one input if that is larger.
        -- What takes up less than that because it is compressed, as in a table, its text says.
        v_size := v_size + case
            when pg_column_compression(v_item.input) is null then pg_column_size(v_item.input)
            else octet_length(v_item.input::text)
        end;
        exit when v_size > 33554432;
    end loop;
    close v_items;
    if v_count < cardinality(started) then
        perform stepgres._release_tasks(array(
            select (k.run_id, k.step_slug, k.task_index, k.attempt, null, true, null, null, null, null)::stepgres._task_failure
            from unnest(started[v_count + 1:]) as k
        ));
    end if;
    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_started', array(
            select k.key
            from unnest(started[:v_count]) as i
            cross join lateral (select (i.run_id, i.step_slug, i.task_index)::stepgres._task_key as key) as k
            where k.key <> all (coalesce(_hand_out.resumed, '{}'))
        ));
    end if;
end
$$;

comment on function stepgres._hand_out(stepgres.work_item[], tid[], stepgres._task_key[]) is
'Returns started tasks, whose rows these are, with their inputs; those that are too much for one answer go back.

The start of resumed tasks was told before, when they were claimed and handed back.';

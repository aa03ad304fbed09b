create function stepgres._hand_out(claimed stepgres._claimed)
returns setof stepgres.work_item
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_item stepgres.work_item;
    v_size bigint := 0;
    v_count int := 0;
begin
    -- One input after the other: a loop fetches ten rows, then fifty at a time, and nothing is made of those that it
    -- does not fetch. What a step gets is made only for a task without an element of its own.
    for v_item in
        select k.run_id, k.workflow_slug, k.workflow_version, k.step_slug, k.task_index, k.attempt,
            case when t.input is not null then t.input else (
                select i.input from stepgres._step_inputs as i
                where i.run_id = k.run_id and i.step_slug = k.step_slug
            ) end,
            k.timeout, k.transactional, k.sql_function, k.priority, k.is_last_attempt, k.is_refused
        from rows from (unnest(claimed.items), unnest(claimed.row_ids)) as k (
            run_id, workflow_slug, workflow_version, step_slug, task_index, attempt, input, timeout, transactional,
            sql_function, priority, is_last_attempt, is_refused, row_id
        )
        cross join lateral (select o.input from stepgres.tasks as o where o.ctid = k.row_id offset 0) as t
    loop
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
    if v_count < cardinality(claimed.items) then
        perform stepgres._release_tasks(array(
            select (k.run_id, k.step_slug, k.task_index, k.attempt, null, true, null, null, null, null)::stepgres._task_failure
            from unnest(claimed.items[v_count + 1:]) as k
        ));
    end if;
    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_started', array(
            select k.key
            from unnest(claimed.items[:v_count]) as i
            cross join lateral (select (i.run_id, i.step_slug, i.task_index)::stepgres._task_key as key) as k
            where k.key <> all (coalesce(claimed.resumed, '{}'))
        ));
    end if;
end
$$;

comment on function stepgres._hand_out(stepgres._claimed) is
'Returns claimed tasks with their inputs; those that are too much for one answer go back.

The start of resumed tasks was told before, when they were claimed and handed back.';

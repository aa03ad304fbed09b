create function stepgres._hand_out(claimed stepgres._claimed)
returns setof stepgres.work_item
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_item stepgres.work_item;
    v_size bigint := 0::bigint;
    v_count int := 0;
begin
    -- Inputs are built one after the other. A loop fetches ten rows, then fifty at a time, and rows
    -- that it does not fetch cost nothing. The input of the step is built only for a task without
    -- an element of its own.
    for v_item in
        select k.run_id, k.workflow_slug, k.workflow_version, k.step_slug, k.task_index, k.attempt,
            k.claim,
            case when t.input is not null then t.input else (
                select i.input from stepgres._step_inputs as i
                where i.run_id = k.run_id and i.step_slug = k.step_slug
            ) end,
            k.timeout, k.transactional, k.sql_function, k.priority, k.is_last_attempt, k.must_begin,
            k.is_refused,
            case when k.checkpoints is not null
                then stepgres._checkpoints_of(k.run_id, k.step_slug, k.task_index)
            end
        from rows from (unnest(claimed.items), unnest(claimed.row_ids)) as k (
            run_id, workflow_slug, workflow_version, step_slug, task_index, attempt, claim, input,
            timeout, transactional, sql_function, priority, is_last_attempt, must_begin, is_refused,
            checkpoints, row_id
        )
        left join lateral (
            select o.input from stepgres.tasks as o where o.ctid = k.row_id offset 0
        ) as t on true
    loop
        return next v_item;
        v_count := v_count + 1;
        -- A worker waits only a limited time for an answer. So it gets at most 32 MB of inputs, or
        -- one input if that input is larger. A compressed input, such as one in a table, counts
        -- with the length of its text.
        v_size := v_size + case
            when pg_column_compression(v_item.input) is null then pg_column_size(v_item.input)
            else octet_length(v_item.input::text)
        end + coalesce(pg_column_size(v_item.checkpoints), 0);
        exit when v_size > 33554432;
    end loop;
    if v_count < cardinality(claimed.items) then
        perform stepgres._release_tasks(array(
            select (k.run_id, k.step_slug, k.task_index, null)::stepgres._task_release
            from unnest(claimed.items[v_count + 1:]) as k
        ));
    end if;
    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_started', array(
            select k.key
            from unnest(claimed.items[:v_count]) as i
            cross join lateral (
                select (i.run_id, i.step_slug, i.task_index)::stepgres._task_key as key
            ) as k
            where k.key <> all (coalesce(claimed.resumed, '{}'))
        ));
    end if;
end
$$;

comment on function stepgres._hand_out(stepgres._claimed) is
'Returns claimed tasks with their inputs; tasks that do not fit into one answer go back.

The start of a resumed task was told before, when the task was claimed and handed back.';

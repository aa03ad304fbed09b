create function stepgres._send_result(worker_id text, result jsonb) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_task record;
begin
    if not exists (
        select from stepgres.work(_send_result.worker_id, jsonb_build_array(_send_result.result), 0)
    ) then
        return;
    end if;
    select t.status, t.attempt, t.claim, t.worker_id into v_task
    from stepgres.tasks as t
    where t.run_id = (result ->> 'run_id')::uuid and t.step_slug = result ->> 'step_slug'
        and t.task_index = (result ->> 'task_index')::int;
    raise exception 'task %/%/% is no longer leased to "%" for %',
        result ->> 'run_id', result ->> 'step_slug', result ->> 'task_index',
        _send_result.worker_id, coalesce(
            'claim ' || (result ->> 'claim'), 'attempt ' || (result ->> 'attempt')
        )
        using errcode = 'SG004',
            detail = case when v_task.status is null then 'There is no such task.' else format(
                'Its status is %s, its claim %s, its attempt %s, its worker %s.',
                v_task.status, v_task.claim, v_task.attempt,
                coalesce('"' || v_task.worker_id || '"', 'nobody')
            ) end,
            hint = 'Discard the result; another attempt has taken or will take its place.';
end
$$;

comment on function stepgres._send_result(text, jsonb) is
'Sends one result; raises SG004 if the result is refused.';

create function stepgres.list_logs(
    run_id uuid,
    step_slug text default null,
    task_index int default null,
    level text default null,
    after text default null,
    "limit" int default 1000,
    newest boolean default false
) returns setof stepgres.log_line
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(list_logs.run_id);
    v_levels text[] := array['debug', 'info', 'warning', 'error', 'critical'];
    v_least int := array_position(v_levels, coalesce(list_logs.level, 'debug'));
    v_start text[] := regexp_match(list_logs.after, '^(.+)/([0-9]{1,9})/([0-9]{1,9})$');
    v_logs refcursor;
    v_log record;
    v_line stepgres.log_line;
    v_count int := 0;
begin
    perform stepgres._check_limit(list_logs."limit");
    if v_least is null then
        raise exception 'there is no level "%"', left(list_logs.level, 100)
            using errcode = 'SG003', hint = 'The levels are ' || array_to_string(v_levels, ', ');
    end if;
    if list_logs.after is not null and v_start is null then
        raise exception '"%" is no position in the logs of a run', left(list_logs.after, 100)
            using errcode = 'SG003', hint = 'Pass the position of the last row of a call.';
    end if;
    if newest and list_logs.after is not null then
        raise exception 'the newest lines of a run have no position'
            using errcode = 'SG003', hint = 'Leave out after, or newest.';
    end if;
    if list_logs.step_slug is not null and not exists (
        select from stepgres.step_states as s
        where s.run_id = v_run.run_id and s.step_slug = list_logs.step_slug
    ) then
        raise exception 'run % of workflow "%" has no step "%"',
            v_run.run_id, v_run.workflow_slug, left(list_logs.step_slug, 200)
            using errcode = 'SG003', hint = 'get_run lists the steps of a run.';
    end if;
    if newest then
        open v_logs for
            select l.step_slug, l.task_index, l.attempt
            from stepgres.logs as l
            where l.run_id = list_logs.run_id
                and l.step_slug = coalesce(list_logs.step_slug, l.step_slug)
            order by l.logged_at desc, l.step_slug desc, l.task_index desc, l.attempt desc;
    else
        -- The key of the table leads to the first row, and the loop ends behind the last one.
        v_start := coalesce(v_start, array[
            coalesce(list_logs.step_slug, ''),
            case when list_logs.step_slug is not null then list_logs.task_index end::text, '-1'
        ]);
        open v_logs for
            select l.step_slug, l.task_index, l.attempt from stepgres.logs as l
            where l.run_id = list_logs.run_id
                and (l.step_slug, l.task_index, l.attempt)
                    > (v_start[1], coalesce(v_start[2], '-1')::int, v_start[3]::int)
            order by l.step_slug, l.task_index, l.attempt;
    end if;
    loop
        fetch v_logs into v_log;
        exit when not found or v_count >= coalesce(list_logs."limit", 2147483647)
            or v_log.step_slug <> list_logs.step_slug;
        exit when newest is not true and list_logs.step_slug is not null
            and v_log.task_index > list_logs.task_index;
        continue when v_log.task_index <> list_logs.task_index;
        for v_line in
            select v_log.step_slug, v_log.task_index, v_log.attempt,
                (e.value ->> 'at')::timestamptz, e.value ->> 'level',
                coalesce(
                    e.value ->> 'message',
                    format('[... %s lines were left out ...]', e.value ->> 'left_out')
                ),
                format('%s/%s/%s', v_log.step_slug, v_log.task_index, v_log.attempt)
            from stepgres.logs as l
            cross join jsonb_array_elements(l.lines) with ordinality as e
            where (l.run_id, l.step_slug, l.task_index, l.attempt)
                    = (list_logs.run_id, v_log.step_slug, v_log.task_index, v_log.attempt)
                and (
                    e.value ? 'left_out'
                    or array_position(v_levels, e.value ->> 'level') >= v_least
                )
            order by e.ordinality
        loop
            return next v_line;
            v_count := v_count + 1;
        end loop;
    end loop;
end
$$;

comment on function stepgres.list_logs(uuid, text, int, text, text, int, boolean) is
'Lists what the steps of a run have logged, of one step or task if these are given.

Workers send the logs of attempts with their results, if they keep logs. level leaves out lines that
are less urgent: debug, info, warning, error, critical. The lines come by step, task and attempt,
and then in the order in which they were logged. An answer has about limit lines, since it divides
no attempt. For more, call it again with the position of the last row as after, until there is no
row. With newest, the attempts that logged last come first, and there is no position to go on from.

Errors: SG003 unknown step or level, not a position, newest with after, a limit below 1,
SG005 unknown run.';

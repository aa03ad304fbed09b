create function stepgres._store_logs(logs stepgres._task_log[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_log stepgres._task_log;
    v_lines jsonb;
    v_bad bigint;
begin
    foreach v_log in array logs loop
        -- A result is finished work. So a bad line refuses no result: it counts as left out.
        select
            to_jsonb(array_agg(case
                when l.is_line then jsonb_build_object(
                    'at', l.line -> 'at', 'level', l.line -> 'level',
                    'message', stepgres._shorten(l.line ->> 'message')
                )
                when l.is_count then l.line
                else '{"left_out": 1}'
            end order by l.place)),
            count(*) filter (where not l.is_line and not l.is_count)
        into v_lines, v_bad
        from (
            select e.value as line, e.ordinality as place,
                coalesce(stepgres._is_log_line(e.value), false) as is_line,
                case when jsonb_typeof(e.value) = 'object' then coalesce(
                    e.value @@ '$.left_out > 0 && $.left_out < 1000000000 && $.left_out % 1 == 0'
                    and e.value - 'left_out' = '{}', false
                ) else false end as is_count
            from jsonb_array_elements(
                case jsonb_typeof(v_log.lines)
                    when 'array' then v_log.lines else jsonb_build_array(v_log.lines)
                end
            ) with ordinality as e
        ) as l;
        if v_bad > 0 then
            raise warning 'task %/%/%: % lines of its log were left out',
                v_log.run_id, v_log.step_slug, v_log.task_index, v_bad
                using hint = 'Send logs as [{"at", "level", "message"}]: at is a time in ISO 8601'
                    ' with its offset, level is debug, info, warning, error or critical.';
        end if;
        insert into stepgres.logs as l (run_id, step_slug, task_index, attempt, lines, logged_at)
        select v_log.run_id, v_log.step_slug, v_log.task_index, v_log.attempt,
            stepgres._fit_lines(v_lines), v_now
        where v_lines <> '[]'
        on conflict on constraint logs_pkey
        do update set lines = stepgres._fit_lines(l.lines || v_lines), logged_at = v_now;
    end loop;
end
$$;

comment on function stepgres._store_logs(stepgres._task_log[]) is
'Stores what attempts have logged. A warning names logs with lines that are no lines.';

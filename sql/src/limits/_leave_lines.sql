create function stepgres._leave_lines(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_line_ids bigint[];
begin
    if tasks is null then
        return;
    end if;
    with gone as (
        delete from stepgres.line_entries as e
        using unnest(_leave_lines.tasks) as k
        where e.run_id = any (array[k.run_id])
            and (e.step_slug, e.task_index) = (k.step_slug, k.task_index)
        returning e.line_id
    )
    select array_agg(distinct g.line_id) into v_line_ids from gone as g where g.line_id > 0;
    if v_line_ids is not null then
        perform stepgres._let_next_look(v_line_ids);
    end if;
    perform stepgres._free_places(_leave_lines.tasks);
end
$$;

comment on function stepgres._leave_lines(stepgres._task_key[]) is
'Takes tasks, or with an empty step_slug runs, that are over out of their lines and places.';

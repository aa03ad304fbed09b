create function stepgres._leave_lines(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks is null then
        return;
    end if;
    delete from stepgres.line_entries as e
    using unnest(_leave_lines.tasks) as k
    where (e.run_id, e.step_slug, e.task_index) = (k.run_id, k.step_slug, k.task_index);
    perform stepgres._free_places(_leave_lines.tasks);
end
$$;

comment on function stepgres._leave_lines(stepgres._task_key[]) is
'Takes tasks, or with an empty step_slug runs, that are over out of their lines and places.';

create function stepgres._task_graph_not_found(task_graph_id text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'task graph "%" does not exist', task_graph_id
        using errcode = 'SG019',
            hint = 'Check the id: save_task_graph returns it, and list_task_graphs lists all.';
end
$$;

comment on function stepgres._task_graph_not_found(text) is
'Raises SG019: the task graph does not exist.';

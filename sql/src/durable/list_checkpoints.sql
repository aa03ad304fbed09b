create function stepgres.list_checkpoints(
    run_id uuid, step_slug text, task_index int default 0, after int default 0
) returns setof stepgres.checkpoint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._find_run(list_checkpoints.run_id);
    return query
    select c.* from stepgres._list_checkpoints(
        list_checkpoints.run_id, list_checkpoints.step_slug, list_checkpoints.task_index,
        list_checkpoints.after, 4194304
    ) as c;
end
$$;

comment on function stepgres.list_checkpoints(uuid, text, int, int) is
'Lists what the body of a durable step has done, in the order in which it was saved.

The answer has about 4 MB at most. For more, call it again with the last place as after, until there
is no row.

Errors: SG005 unknown run.';

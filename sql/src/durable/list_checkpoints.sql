create function stepgres.list_checkpoints(
    run_id uuid, step_slug text, task_index int default 0, after int default 0
) returns setof stepgres.checkpoint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(list_checkpoints.run_id);
begin
    if not exists (
        select from stepgres.step_states as s
        where s.run_id = v_run.run_id and s.step_slug = list_checkpoints.step_slug
    ) then
        raise exception 'run % of workflow "%" has no step "%"',
            v_run.run_id, v_run.workflow_slug, list_checkpoints.step_slug
            using errcode = 'SG003', hint = 'get_run lists the steps of a run.';
    end if;
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

Errors: SG003 unknown step, SG005 unknown run.';

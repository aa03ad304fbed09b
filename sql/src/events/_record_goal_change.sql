create function stepgres._record_goal_change() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._record_event((
        'goal_' || new.status, null, new.workflow_slug, new.task_graph_id, null, null, null,
        new.changed_at, new.reason
    ));
    return null;
end
$$;

comment on function stepgres._record_goal_change() is
'Records that a task graph was decomposed, approved or rejected (a trigger function).';

create function stepgres._record_run_end() returns trigger
language plpgsql
volatile
-- a deferred trigger: before PostgreSQL 18 it is executed as the role that commits
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The trigger runs at commit: the end comes after all other events of the run in this
    -- transaction.
    if new.task_graph_id is not null then
        perform stepgres._record_event((
            case new.status when 'completed' then 'goal_completed' else 'goal_failed' end,
            new.run_id, new.workflow_slug, new.task_graph_id, null, null, null,
            new.finished_at, new.error
        ));
    end if;
    perform stepgres._record_event(
        (
            'workflow_' || case when new.cancelled_at is null then new.status else 'cancelled' end,
            new.run_id, new.workflow_slug, new.task_graph_id, null, null, null,
            new.finished_at, new.error
        ),
        ends_run => true
    );
    return null;
end
$$;

comment on function stepgres._record_run_end() is
'Records the end of a run, and of its goal (a trigger function).';

create function stepgres._follow_version(workflow_slug text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_document jsonb;
    v_schedule stepgres.schedules;
begin
    select w.schedule into v_document
    from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug and w.version = f.current_version
    where f.workflow_slug = _follow_version.workflow_slug;
    if v_document is not null then
        v_schedule := stepgres._read_schedule(
            v_document, format('workflow "%s", schedule', _follow_version.workflow_slug)
        );
        v_schedule.schedule_slug := _follow_version.workflow_slug;
        v_schedule.workflow_slug := _follow_version.workflow_slug;
        v_schedule.is_of_workflow := true;
        perform stepgres._declare_schedule(v_schedule);
        return;
    end if;
    select s.* into v_schedule from stepgres.schedules as s
    where s.schedule_slug = _follow_version.workflow_slug and s.is_of_workflow and s.is_in_force
    for no key update;
    if found then
        -- The row stays: a version that has the schedule again finds the edits of operators.
        v_schedule := stepgres._pass_over(v_schedule, 'missed', false);
        v_schedule.is_in_force := false;
        perform stepgres._store_schedule(
            stepgres._moved_on(v_schedule, v_schedule.position)
        );
    end if;
end
$$;

comment on function stepgres._follow_version(text) is
'Brings the schedule of the current version of a workflow into force, or ends the one that was.

The caller has locked the workflow.';

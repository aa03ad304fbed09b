create function stepgres._create_version(defaults stepgres.workflow_versions)
returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := _create_version.defaults;
begin
    select coalesce(max(w.version) + 1, 1) into v_version.version
    from stepgres.workflow_versions as w
    where w.workflow_slug = v_version.workflow_slug;
    v_version.is_used := false;
    v_version.created_at := stepgres._now();
    insert into stepgres.workflow_versions select v_version.*;
    update stepgres.workflows as w set current_version = v_version.version
    where w.workflow_slug = v_version.workflow_slug;
    perform stepgres._follow_version(v_version.workflow_slug);
    if v_version.events <> 'none' then
        -- The channel is made before the first event, because making a channel waits for others.
        -- The sender of an event holds locks of runs, and must not wait.
        perform stepgres.create_channel('workflow_events');
    end if;
    return v_version;
end
$$;

comment on function stepgres._create_version(stepgres.workflow_versions) is
'Makes the next version of a workflow, current and without steps.

The caller holds the lock of the workflow.';

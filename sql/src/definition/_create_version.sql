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
    if v_version.events <> 'none' then
        -- Ahead of the first event, which somebody sends who holds locks of runs: making a channel waits for others.
        perform stepgres.create_channel('workflow_events');
    end if;
    return v_version;
end
$$;

comment on function stepgres._create_version(stepgres.workflow_versions) is
'Makes the next version of a workflow, current and without steps; the caller holds the lock of the workflow.';

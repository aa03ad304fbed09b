create function stepgres._use_version(workflow_slug text, version int)
returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions;
begin
    -- delete_flow locks the versions of the workflow, so nobody deletes the workflow until this
    -- transaction commits. A transaction that only defines the workflow anew holds up no start.
    select w.* into v_version
    from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug
            and w.version = coalesce(_use_version.version, f.current_version)
    where f.workflow_slug = _use_version.workflow_slug
    for key share of w skip locked;
    if not found then
        v_version := stepgres._find_version(_use_version.workflow_slug, _use_version.version);
        perform stepgres._wait_for_deletion(v_version.workflow_slug, v_version.version);
        v_version := stepgres._find_version(_use_version.workflow_slug, _use_version.version);
    end if;
    if not v_version.is_used then
        -- This update waits for an add_step under way. A later add_step makes a new version.
        update stepgres.workflow_versions as w set is_used = true
        where (w.workflow_slug, w.version) = (v_version.workflow_slug, v_version.version);
        if not exists (
            select from stepgres.steps as s
            where (s.workflow_slug, s.version) = (v_version.workflow_slug, v_version.version)
        ) then
            raise exception 'workflow "%" has no steps', _use_version.workflow_slug
                using errcode = 'SG001', hint = 'Add at least one step with add_step.';
        end if;
    end if;
    return v_version;
end
$$;

comment on function stepgres._use_version(text, int) is
'Returns the version that a new run gets, and makes the version immutable from now on.';

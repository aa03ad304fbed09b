create function stepgres.optimize_workflow(workflow_slug text, level text default 'basic')
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current stepgres.workflow_versions;
    v_source stepgres.workflow_versions;
    v_version stepgres.workflow_versions;
    v_optimizations jsonb;
begin
    -- nobody registers or changes the workflow meanwhile
    perform 1 from stepgres.workflows as w
    where w.workflow_slug = stepgres._slug_of(optimize_workflow.workflow_slug) for update;
    v_current := stepgres._find_version(optimize_workflow.workflow_slug, null);
    v_source := stepgres._find_version(
        v_current.workflow_slug, coalesce(v_current.optimized_from, v_current.version)
    );
    select jsonb_object_agg(o.step_slug, o.options) into v_optimizations
    from (
        select coalesce(a.step_slug, '') as step_slug,
            jsonb_object_agg(a.option, a.value) as options
        from stepgres._advise(v_source, v_current.version, optimize_workflow.level) as a
        group by a.step_slug
    ) as o;
    if level <> 'none'
        and (select count(*) from stepgres._recent_runs(v_current.workflow_slug, 5)) < 5
    then
        return v_current.version;
    end if;

    -- Use an equal version if there is one; without optimizations this is the definition itself.
    select w.* into v_version from stepgres.workflow_versions as w
    where w.workflow_slug = v_source.workflow_slug and w.version > 0
        and coalesce(w.optimized_from, w.version) = v_source.version
        and w.optimizations is not distinct from v_optimizations;
    if found then
        update stepgres.workflows as w set current_version = v_version.version
        where w.workflow_slug = v_version.workflow_slug and w.current_version <> v_version.version;
        perform stepgres._follow_version(v_version.workflow_slug);
        return v_version.version;
    end if;
    v_version := stepgres._copy_version(v_source);
    v_version.fingerprint := coalesce(
        v_source.fingerprint,
        stepgres._fingerprint(stepgres.get_flow(v_source.workflow_slug, v_source.version))
    );
    v_version.optimized_from := v_source.version;
    v_version.optimizations := v_optimizations;
    perform stepgres._apply_optimizations(v_version);
    return v_version.version;
end
$$;

comment on function stepgres.optimize_workflow(text, text) is
'Makes a version of a workflow with the options that recommend recommends; returns the version.

The new version becomes current; runs keep their version. Dependencies and functions do not change,
and the definition is the same: registering it again changes nothing. Registering a changed
definition starts without optimizations. If there is nothing to recommend, the function returns the
current version. Level "none" makes the version as it was defined current.

Errors: SG002 unknown workflow, SG003 unknown level.';

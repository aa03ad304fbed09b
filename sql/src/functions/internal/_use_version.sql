create function stepgres._use_version(workflow_slug text, version int) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version int := _use_version.version;
    v_is_used boolean;
begin
    select w.version, w.is_used into v_version, v_is_used
    from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug and w.version = coalesce(_use_version.version, f.current_version)
    where f.workflow_slug = _use_version.workflow_slug;
    if not found then
        if exists (select from stepgres.workflows as f where f.workflow_slug = _use_version.workflow_slug) then
            raise exception 'workflow "%" has no version %', _use_version.workflow_slug, _use_version.version
                using errcode = 'SG002', hint = 'Leave the version out to start the current one.';
        end if;
        perform stepgres._workflow_not_found(_use_version.workflow_slug);
    end if;
    if not v_is_used then
        -- Waits for an add_step under way; whoever comes after it makes a version of its own.
        update stepgres.workflow_versions as w set is_used = true
        where (w.workflow_slug, w.version) = (_use_version.workflow_slug, v_version);
        if not exists (
            select from stepgres.steps as s
            where (s.workflow_slug, s.version) = (_use_version.workflow_slug, v_version)
        ) then
            raise exception 'workflow "%" has no steps', _use_version.workflow_slug
                using errcode = 'SG001', hint = 'Add at least one step with add_step.';
        end if;
    end if;
    return v_version;
end
$$;

comment on function stepgres._use_version(text, int) is
'The version that a new run gets, from now on immutable.';

create function stepgres._find_version(workflow_slug text, version int)
returns stepgres.workflow_versions
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions;
    v_slug text;
    v_names text[];
begin
    select w.* into v_version
    from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug
            and w.version = coalesce(_find_version.version, f.current_version)
    where f.workflow_slug = _find_version.workflow_slug;
    if found then
        return v_version;
    end if;
    if exists (
        select from stepgres.workflows as f where f.workflow_slug = _find_version.workflow_slug
    ) then
        raise exception 'workflow "%" has no version %',
            _find_version.workflow_slug, _find_version.version
            using errcode = 'SG002', hint = 'Leave the version out for the current one.';
    end if;
    -- Only a name that is no slug costs another index lookup.
    v_slug := stepgres._slug_of(_find_version.workflow_slug);
    if v_slug <> _find_version.workflow_slug and exists (
        select from stepgres.workflows as f where f.workflow_slug = v_slug
    ) then
        return stepgres._find_version(v_slug, _find_version.version);
    end if;
    v_names := array(
        select w.workflow_slug from stepgres.workflows as w
        where not stepgres._is_of_goal(w)
        order by stepgres._likeness(w.workflow_slug, v_slug) desc, w.workflow_slug
        limit 10
    );
    raise exception 'workflow "%" does not exist', _find_version.workflow_slug
        using errcode = 'SG002', hint = case
            when v_names = '{}'
                then 'There are no workflows yet: define one with register_workflow or create_flow.'
            else case
                when stepgres._likeness(v_names[1], v_slug) >= 0.5
                    then format('Did you mean "%s"? ', v_names[1])
                else ''
            end || format('Known workflows: %s.', array_to_string(v_names, ', '))
        end;
end
$$;

comment on function stepgres._find_version(text, int) is
'Returns a version of a workflow, which is named by its slug or class; null: the current version.

Raises SG002 if there is no such version. The error names the workflows that exist, the closest
first.';

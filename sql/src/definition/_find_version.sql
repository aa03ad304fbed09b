create function stepgres._find_version(workflow_slug text, version int) returns stepgres.workflow_versions
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions;
begin
    select w.* into v_version
    from stepgres.workflows as f
    join stepgres.workflow_versions as w
        on w.workflow_slug = f.workflow_slug and w.version = coalesce(_find_version.version, f.current_version)
    where f.workflow_slug = _find_version.workflow_slug;
    if found then
        return v_version;
    end if;
    if exists (select from stepgres.workflows as f where f.workflow_slug = _find_version.workflow_slug) then
        raise exception 'workflow "%" has no version %', _find_version.workflow_slug, _find_version.version
            using errcode = 'SG002', hint = 'Leave the version out for the current one.';
    end if;
    raise exception 'workflow "%" does not exist', _find_version.workflow_slug
        using errcode = 'SG002', hint = coalesce(
            'Known workflows: ' || (
                select string_agg(w.workflow_slug, ', ')
                from (select k.workflow_slug from stepgres.workflows as k order by k.created_at desc limit 10) as w
            ) || '.',
            'There are no workflows yet: define one with register_workflow or create_flow.'
        );
end
$$;

comment on function stepgres._find_version(text, int) is
'A version of a workflow, the current one if none is given; SG002 if there is none, with the names that do exist.';

create function stepgres.delete_limit(limit_slug text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit stepgres.limit_status := stepgres._find_limit(delete_limit.limit_slug);
    v_user text;
begin
    select u.culprit into v_user
    from (
        select format('workflow "%s", step "%s"', s.workflow_slug, s.step_slug) as culprit,
            s.workflow_slug, s.version, s.limits
        from stepgres.steps as s where s.limits is not null
        union all
        select format('workflow "%s"', w.workflow_slug), w.workflow_slug, w.version, w.limits
        from stepgres.workflow_versions as w where w.limits is not null
    ) as u
    join stepgres.workflows as f
        on (f.workflow_slug, f.current_version) = (u.workflow_slug, u.version)
    where u.limits @> jsonb_build_array(jsonb_build_object('limit', v_limit.limit_slug))
    limit 1;
    if found then
        raise exception 'limit "%" is in use by %', v_limit.limit_slug, v_user
            using errcode = 'SG001',
                hint = 'Define the workflow without the limit first, or make the limit higher.';
    end if;
    delete from stepgres.limits as l where l.limit_slug = v_limit.limit_slug;
    perform stepgres._let_lines_look(v_limit.limit_slug);
end
$$;

comment on function stepgres.delete_limit(text) is
'Deletes a limit that no current version of a workflow uses. Work of older versions goes on without
it.

Errors: SG001 the limit is in use, SG036 unknown limit.';

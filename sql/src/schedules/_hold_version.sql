create function stepgres._hold_version(workflow_slug text, version int)
returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._find_version(
        _hold_version.workflow_slug, _hold_version.version
    );
begin
    -- version before schedule, because delete_flow deletes them in this order
    perform 1 from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (v_version.workflow_slug, v_version.version)
    for key share;
    if not found then
        return stepgres._find_version(_hold_version.workflow_slug, _hold_version.version);
    end if;
    return v_version;
end
$$;

comment on function stepgres._hold_version(text, int) is
'Finds a version, and keeps the workflow from being deleted until the transaction ends.

Raises SG002 if there is no such version.';

create function stepgres._delete_own_version(workflow_slug text, version int) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A retry of the run uses the same version.
    delete from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version)
        = (_delete_own_version.workflow_slug, _delete_own_version.version)
        and w.version < 0
        and not exists (
            select from stepgres.runs as r
            where (r.workflow_slug, r.version) = (w.workflow_slug, w.version)
        );
end
$$;

comment on function stepgres._delete_own_version(text, int) is
'Deletes a version that a run has made for itself, once no run uses the version.';

create function stepgres.get_flow(workflow_id text, version int default null) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._find_version(
        get_flow.workflow_id, get_flow.version
    );
begin
    return stepgres._document(
        v_version,
        array(
            select s from stepgres.steps as s
            where (s.workflow_slug, s.version) = (v_version.workflow_slug, v_version.version)
        ),
        array(
            select d from stepgres.dependencies as d
            where (d.workflow_slug, d.version) = (v_version.workflow_slug, v_version.version)
        )
    ) || coalesce(stepgres._shown_keep(v_version.workflow_slug), '{}');
end
$$;

comment on function stepgres.get_flow(text, int) is
'Returns a workflow as one document, in its current version unless another version is given.

The document is one that register_workflow takes. Every option of every step is filled in, and the
steps are in topological order. The document also has "version", and the "step_index" of each step.
Registering the document changes nothing.

Errors: SG002 unknown workflow or version.';

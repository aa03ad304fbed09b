create function stepgres._copy_version(original stepgres.workflow_versions)
returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_copy stepgres.workflow_versions := _copy_version.original;
begin
    v_copy.fingerprint := null;
    v_copy.optimized_from := null;
    v_copy.optimizations := null;
    v_copy := stepgres._create_version(v_copy);
    perform stepgres._store_steps(
        v_copy.version,
        array(
            select s from stepgres.steps as s
            where (s.workflow_slug, s.version) = (original.workflow_slug, original.version)
            order by s.step_index
        ),
        array(
            select d from stepgres.dependencies as d
            where (d.workflow_slug, d.version) = (original.workflow_slug, original.version)
        )
    );
    return v_copy;
end
$$;

comment on function stepgres._copy_version(stepgres.workflow_versions) is
'Makes a new current version with the steps of another version.';

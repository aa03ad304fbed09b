create function stepgres._copy_version(original stepgres.workflow_versions)
returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_copy stepgres.workflow_versions := _copy_version.original;
    v_step stepgres.steps;
begin
    v_copy.fingerprint := null;
    v_copy.optimized_from := null;
    v_copy.optimizations := null;
    v_copy := stepgres._create_version(v_copy);
    for v_step in
        select s.* from stepgres.steps as s
        where (s.workflow_slug, s.version) = (original.workflow_slug, original.version)
        order by s.step_index
    loop
        v_step.version := v_copy.version;
        perform stepgres._insert_step(v_step, array(
            select d.depends_on from stepgres.dependencies as d
            where (d.workflow_slug, d.version, d.step_slug)
                = (original.workflow_slug, original.version, v_step.step_slug)
            order by d.dependency_index
        ));
    end loop;
    return v_copy;
end
$$;

comment on function stepgres._copy_version(stepgres.workflow_versions) is
'A new current version with the steps of another.';

create function stepgres.get_flow(workflow_id text, version int default null) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions := stepgres._find_version(get_flow.workflow_id, get_flow.version);
begin
    return to_jsonb(v_version) - '{fingerprint,is_used,created_at,optimized_from,optimizations}'::text[] || jsonb_build_object(
        'base_delay', trim_scale(extract(epoch from v_version.base_delay)),
        'timeout', trim_scale(extract(epoch from v_version.timeout)),
        'deadline', trim_scale(extract(epoch from v_version.deadline)),
        'steps', (
            select coalesce(to_jsonb(array_agg(
                to_jsonb(s) - '{workflow_slug,version,dependency_count,feeds_map,is_direct}'::text[]
                || jsonb_build_object(
                    'base_delay', trim_scale(extract(epoch from s.base_delay)),
                    'timeout', trim_scale(extract(epoch from s.timeout)),
                    'start_delay', trim_scale(extract(epoch from s.start_delay)),
                    'depends_on', array(
                        select d.depends_on from stepgres.dependencies as d
                        where (d.workflow_slug, d.version, d.step_slug)
                            = (s.workflow_slug, s.version, s.step_slug)
                        order by d.dependency_index
                    )
                )
                order by s.step_index
            )), '[]')
            from stepgres.steps as s
            where (s.workflow_slug, s.version) = (v_version.workflow_slug, v_version.version)
        )
    );
end
$$;

comment on function stepgres.get_flow(text, int) is
'A workflow as one document, of its current version unless another is given.

It is the document that register_workflow takes, with every option of every step filled in and the steps in topological order;
besides it has "version", and the "step_index" of each step.

Errors: SG002 unknown workflow or version.';

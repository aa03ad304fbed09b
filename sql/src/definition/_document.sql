create function stepgres._document(
    version stepgres.workflow_versions, steps stepgres.steps[], dependencies stepgres.dependencies[]
) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_jsonb(_document.version)
            - '{fingerprint,is_used,created_at,optimized_from,optimizations}'::text[]
            - case when (_document.version).schedule is null then 'schedule' else '' end
            - case
                when (_document.version).limits is null then '{limits,on_limit}' else '{}'
            end::text[]
            - case when (_document.version).on_failure is null then 'on_failure' else '' end
            || jsonb_build_object(
                'base_delay', trim_scale(extract(epoch from (_document.version).base_delay)),
                'timeout', trim_scale(extract(epoch from (_document.version).timeout)),
                'deadline', trim_scale(extract(epoch from (_document.version).deadline)),
                'steps', coalesce(to_jsonb(array_agg(
                    to_jsonb(s)
                    - '{workflow_slug,version,dependency_count,feeds_map,is_direct,is_leaf,start_at,
                        wait,child}'::text[]
                    - case when s.durable is null then '{durable}' else '{}'::text[] end
                    - case when s.limits is null then '{limits}' else '{}'::text[] end
                    || jsonb_build_object(
                        'base_delay', trim_scale(extract(epoch from s.base_delay)),
                        'timeout', trim_scale(extract(epoch from s.timeout)),
                        'start_delay', trim_scale(extract(epoch from s.start_delay)),
                        'resources', stepgres._without_features(s.resources),
                        'depends_on', coalesce(d.depends_on, '{}')
                    )
                    || stepgres._document_of_wait(s) || stepgres._document_of_child(s)
                    order by s.step_index
                )), '[]')
            )
        from unnest(_document.steps) as s
        left join (
            select e.step_slug, array_agg(e.depends_on order by e.dependency_index) as depends_on
            from unnest(_document.dependencies) as e
            group by e.step_slug
        ) as d on d.step_slug = s.step_slug
    );
end
$$;

comment on function stepgres._document(
    stepgres.workflow_versions, stepgres.steps[], stepgres.dependencies[]
) is
'Returns the document of a version as get_flow shows it; the version need not be stored.';

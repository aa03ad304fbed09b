create function stepgres._feature_resources(features text[]) returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Features are resources: so a queue for tasks that need a feature is as cheap as any other
    -- queue, and a worker without the feature does not look into it. Unknown features are ignored.
    select case
        when 'durable' = any (_feature_resources.features) then '{"feature durable": true}'
        else '{}'
    end::jsonb
$$;

comment on function stepgres._feature_resources(text[]) is
'Returns features as resources, which a worker has and a step needs.';

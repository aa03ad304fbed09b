create function stepgres._without_features(resources jsonb) returns jsonb
language sql
immutable
return _without_features.resources - 'feature durable';

comment on function stepgres._without_features(jsonb) is
'Returns resources as users gave them: without those that _feature_resources has added.';

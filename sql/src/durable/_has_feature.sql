create function stepgres._has_feature(worker_id text, feature text) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from stepgres.workers as w
        where w.worker_id = _has_feature.worker_id and _has_feature.feature = any (w.features)
    )
$$;

comment on function stepgres._has_feature(text, text) is
'Says whether a registered worker can do a kind of work.';

create function stepgres._find_wrong_keys() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'an active run with a unique_key has this key, and no other run has it',
        coalesce(r.run_id, u.run_id), format('key %s: run %s', u.unique_key, u.run_id)
    from (
        select k.* from stepgres.runs as k where k.unique_key is not null and k.status = 'started'
    ) as r
    full join stepgres.unique_runs as u
        on u.run_id = r.run_id
            and (u.workflow_slug, u.unique_key) = (r.workflow_slug, r.unique_key)
    where r.run_id is null or u.run_id is null
    union all
    select 'a run that waits behind its unique_key has not begun', u.run_id,
        format('key %s', u.unique_key)
    from stepgres.unique_runs as u
    where u.is_waiting and not exists (
        select from stepgres.timers as t where t.run_id = u.run_id and t.kind = 'run_start'
    )
    union all
    select 'a run is held while it waits', u.run_id, format('key %s', u.unique_key)
    from stepgres.unique_runs as u
    where u.is_held and not u.is_waiting
$$;

comment on function stepgres._find_wrong_keys() is
'Returns active runs and unique keys that contradict one another: part of fsck.';

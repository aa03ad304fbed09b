create function stepgres._recent_runs(workflow_slug text, last_runs int) returns setof stepgres.runs
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- Most active runs are newer than the runs that have ended. The search passes over 10,000 of
    -- them, and then goes on behind the oldest active run, where it passes over none.
    select l.* from (
        (
            select n.* from (
                select r.* from stepgres.runs as r
                where r.workflow_slug = _recent_runs.workflow_slug
                order by r.inserted_at desc
                limit _recent_runs.last_runs::bigint + 10000
            ) as n
            where n.finished_at is not null
        )
        union all
        (
            select b.* from (
                select least(r.inserted_at, (
                    select min(a.inserted_at) from stepgres.active_runs as a
                    where a.workflow_slug = _recent_runs.workflow_slug
                )) as at
                from stepgres.runs as r
                where r.workflow_slug = _recent_runs.workflow_slug
                    and _recent_runs.last_runs is not null
                order by r.inserted_at desc
                offset _recent_runs.last_runs::bigint + 9999 limit 1
            ) as last_seen
            cross join lateral (
                select r.* from stepgres.runs as r
                where r.workflow_slug = _recent_runs.workflow_slug
                    and r.inserted_at < last_seen.at and r.finished_at is not null
                order by r.inserted_at desc
                limit _recent_runs.last_runs
            ) as b
        )
    ) as l
    limit _recent_runs.last_runs
$$;

comment on function stepgres._recent_runs(text, int) is
'Returns the last runs of a workflow that have ended; recommendations are made from them.

Behind 10,000 newer active runs, only runs older than all active runs count.';

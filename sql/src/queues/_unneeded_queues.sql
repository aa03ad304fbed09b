create function stepgres._unneeded_queues() returns setof stepgres.queues
language sql
stable
set search_path = pg_catalog, pg_temp
-- a few queues against all steps, in one pass
set enable_hashjoin = on
set enable_seqscan = on
as $$
    with used as materialized (
        select w.workflow_slug, w.current_version as version, null::int as priority from stepgres.workflows as w
        union
        select r.workflow_slug, r.version, r.priority
        from stepgres.active_runs as a
        join stepgres.runs as r on r.run_id = a.run_id
    ),
    needed as materialized (
        select distinct s.queue, coalesce(u.priority, s.priority) as priority, s.resources
        from used as u
        join stepgres.steps as s on (s.workflow_slug, s.version) = (u.workflow_slug, u.version)
    )
    select q.*
    from stepgres.queues as q
    left join needed as n on (n.queue, n.priority, n.resources) = (q.queue, q.priority, q.resources)
    where case
        when q.lane <> '{}' then n.queue is null or not exists (
            select from stepgres.workers as w
            where q.queue = any (w.queues) and w.resources @> q.resources and not stepgres._reads_lane(w.knows, q.lane)
        ) or not (q.lane ? 'goals' or exists (
            select from used as u
            join stepgres.workflow_versions as v on (v.workflow_slug, v.version) = (u.workflow_slug, u.version)
            where v.workflow_slug = q.lane ->> 'workflow'
                and coalesce(v.optimized_from, v.version) = (q.lane ->> 'version')::int
        ))
        else n.queue is null and not exists (
            select from stepgres.workers as w
            where q.priority = 0 and q.resources = '{}' and q.queue = any (w.queues)
        )
    end
$$;

comment on function stepgres._unneeded_queues() is
'The queues that neither a worker nor a step names, of a current version or of an active run; lanes that no worker is kept out of.';

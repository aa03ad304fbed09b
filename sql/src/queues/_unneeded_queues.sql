create function stepgres._unneeded_queues() returns setof stepgres.queues
language sql
stable
set search_path = pg_catalog, pg_temp
-- Compare a few queues with all steps in one pass.
set enable_hashjoin = on
set enable_seqscan = on
as $$
    with current_steps as materialized (
        select distinct s.queue, s.priority, s.resources
        from stepgres.workflows as w
        join stepgres.steps as s
            on (s.workflow_slug, s.version) = (w.workflow_slug, w.current_version)
    ),
    -- This is read only if a queue is left that no current version needs.
    active_versions as materialized (
        select distinct r.workflow_slug, r.version, r.priority
        from stepgres.active_runs as a
        join stepgres.runs as r on r.run_id = a.run_id
    ),
    active_steps as materialized (
        select distinct s.queue, coalesce(a.priority, s.priority) as priority, s.resources
        from active_versions as a
        join stepgres.steps as s on (s.workflow_slug, s.version) = (a.workflow_slug, a.version)
    )
    select q.*
    from stepgres.queues as q
    cross join lateral (
        select case
            when exists (
                select from current_steps as s
                where (s.queue, s.priority, s.resources) = (q.queue, q.priority, q.resources)
            ) then true
            when q.pgmq_queue not like 'stepgres\_\_%' and exists (
                select from stepgres.workers as w where q.queue = any (w.queues)
            ) then true
            else exists (
                select from active_steps as s
                where (s.queue, s.priority, s.resources) = (q.queue, q.priority, q.resources)
            )
        end as is_needed
    ) as k
    where case
        when not k.is_needed then true
        when q.lane = '{}' then false
        when not exists (
            select from stepgres.workers as w
            where q.queue = any (w.queues) and w.resources @> q.resources
                and not stepgres._reads_lane(w.knows, q.lane)
        ) then true
        when q.lane ? 'goals' then false
        else not exists (
            select from stepgres.workflow_versions as v
            where v.workflow_slug = q.lane ->> 'workflow'
                and coalesce(v.optimized_from, v.version) = (q.lane ->> 'version')::int
                and (
                    exists (
                        select from stepgres.workflows as w
                        where (w.workflow_slug, w.current_version) = (v.workflow_slug, v.version)
                    )
                    or exists (
                        select from active_versions as a
                        where (a.workflow_slug, a.version) = (v.workflow_slug, v.version)
                    )
                )
        )
    end
$$;

comment on function stepgres._unneeded_queues() is
'Returns the queues that nothing needs, and the lanes that are of no use.

A queue is needed by a worker that names it, by a step of a current version, or by an active run.
A lane is of no use if every worker may read its tickets anyway, or if its version is neither
current nor used by an active run.';

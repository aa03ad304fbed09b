create function stepgres._advance(completed stepgres._step_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_done stepgres._step_key[] := completed;
    v_all stepgres._step_key[] := completed;
    v_tasks stepgres._new_task[];
    v_maps stepgres._step_key[];
begin
    -- A turn of the loop is a layer of the graph: empty maps complete at once and start the next.
    while v_done is not null loop
        v_now := stepgres._now();
        with edges as (
            select k.run_id, d.step_slug, count(*) as finished
            from unnest(v_done) as k
            join stepgres.runs as r on r.run_id = k.run_id
            join stepgres.dependencies as d
                on (d.workflow_slug, d.version, d.depends_on) = (r.workflow_slug, r.version, k.step_slug)
            where r.status = 'started'
            group by k.run_id, d.step_slug
        ),
        moved as (
            update stepgres.step_states as t
            set (remaining_deps, status, started_at, initial_tasks, remaining_tasks) = (
                select t.remaining_deps - e.finished,
                    case when o.is_ready then 'started' else t.status end,
                    case when o.is_ready then v_now end,
                    case when o.is_ready then 1 end,
                    case when o.is_ready then 1 end
                from (select t.remaining_deps = e.finished and not t.map as is_ready) as o
            )
            from edges as e
            where t.run_id = e.run_id and t.step_slug = e.step_slug
            returning t.run_id, t.step_slug, t.map, t.remaining_deps
        )
        select
            array_agg((m.run_id, m.step_slug, 0, null)::stepgres._new_task) filter (where not m.map),
            array_agg((m.run_id, m.step_slug)::stepgres._step_key) filter (where m.map)
        into v_tasks, v_maps
        from moved as m
        where m.remaining_deps = 0;

        perform stepgres._queue_tasks(v_tasks);
        v_done := stepgres._start_maps(v_maps);
        v_all := v_all || v_done;
    end loop;
    perform stepgres._complete_runs(v_all);
end
$$;

comment on function stepgres._advance(stepgres._step_key[]) is
'Moves everything that follows from completed steps: dependents, empty maps, tickets, runs; the caller holds the locks.';

create function stepgres._advance(
    finished stepgres._step_key[],
    ends stepgres._step_key[] default null,
    taker stepgres.workers default null,
    room stepgres._room default (0, 0),
    places int default 0
) returns stepgres.work_item[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_done stepgres._step_key[] := finished;
    v_ends stepgres._step_key[] := coalesce(ends, stepgres._ends_of(finished));
    v_direct stepgres._new_task[];
    v_tasks stepgres._new_task[];
    v_ready stepgres._step_key[];
    v_handed stepgres._handed;
begin
    -- Each turn of the loop moves one layer of the graph: empty maps and skipped steps finish at
    -- once, and move the next layer.
    while v_done is not null loop
        v_now := stepgres._now();
        with edges as (
            select k.run_id, d.step_slug, r.paused_at is not null as is_paused, count(*) as finished
            from unnest(v_done) as k
            join stepgres.runs as r on r.run_id = k.run_id
            join stepgres.dependencies as d
                on (d.workflow_slug, d.version, d.depends_on)
                    = (r.workflow_slug, r.version, k.step_slug)
            where r.status = 'started'
            group by k.run_id, d.step_slug, r.paused_at
        ),
        moved as (
            update stepgres.step_states as t
            set (remaining_deps, status, started_at, initial_tasks, remaining_tasks) = (
                select t.remaining_deps - e.finished,
                    case when o.starts then 'started' else t.status end,
                    case when o.starts then v_now end,
                    case when o.starts then 1 end,
                    case when o.starts then 1 end
                from (
                    select t.remaining_deps = e.finished and t.is_direct and not e.is_paused
                        as starts
                ) as o
            )
            from edges as e
            -- A step that was skipped together with another step no longer waits.
            where t.run_id = e.run_id and t.step_slug = e.step_slug and t.status = 'created'
            returning t.run_id, t.step_slug, t.is_direct, t.remaining_deps, e.is_paused
        )
        select
            array_agg((m.run_id, m.step_slug, 0, null)::stepgres._new_task)
                filter (where m.is_direct),
            array_agg((m.run_id, m.step_slug)::stepgres._step_key) filter (where not m.is_direct)
        into v_direct, v_ready
        from moved as m
        where m.remaining_deps = 0 and not m.is_paused;

        v_tasks := v_tasks || v_direct;
        v_done := stepgres._start_steps(v_ready);
        v_ends := v_ends || stepgres._ends_of(v_done);
    end loop;
    -- Now the runs that a condition fails have failed: no worker gets a task of them.
    if room.capacity > 0 and v_tasks is not null then
        v_handed := stepgres._hand_over(v_tasks[:room.capacity], taker, room.begins, places);
        v_tasks := v_handed.left_tasks || v_tasks[room.capacity + 1:];
    end if;
    if v_tasks <> '{}' then
        perform stepgres._queue_tasks(v_tasks);
    end if;
    if v_ends <> '{}' then
        perform stepgres._complete_runs(v_ends);
    end if;
    return v_handed.items;
end
$$;

comment on function stepgres._advance(
    stepgres._step_key[], stepgres._step_key[], stepgres.workers, stepgres._room, int
) is
'Advances everything that follows from finished steps: dependents, maps, skips, tickets and runs.

ends are the finished steps that their runs count, by default those in finished; no step waits for
an end, so an end need not be in finished. The caller holds the locks. Returns the tasks that the
taker has started at once: see _hand_over.';

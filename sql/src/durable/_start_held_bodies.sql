create function stepgres._start_held_bodies(copies stepgres._run_copy[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._advance(stepgres._start_steps(
        array_agg((t.run_id, t.step_slug)::stepgres._step_key)
    ))
    from unnest(_start_held_bodies.copies) as c
    join stepgres.runs as r on r.run_id = c.run_id and r.is_limited
    cross join lateral (
        select distinct k.step_slug from stepgres.tasks as k
        where k.run_id = c.source and k.counted_from is not null
        offset 0
    ) as o
    join stepgres.step_states as t on (t.run_id, t.step_slug) = (c.run_id, o.step_slug)
    where t.status = 'created' and t.remaining_deps = 0 and t.step_slug <> all (c.fresh_bodies)
    having count(*) > 0;
end
$$;

comment on function stepgres._start_held_bodies(stepgres._run_copy[]) is
'Starts the steps of new runs with limits whose bodies have checkpoints in the sources.

So their tasks exist, and can have the checkpoints, although the runs stand in lines. The tasks get
no tickets before the runs are let in.';

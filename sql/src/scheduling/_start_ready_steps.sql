create function stepgres._start_ready_steps(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._advance(stepgres._start_steps(
        array_agg((t.run_id, t.step_slug)::stepgres._step_key)
    ))
    from unnest(_start_ready_steps.run_ids) as i (run_id)
    join stepgres.runs as r on r.run_id = i.run_id and r.status = 'started'
    join stepgres.step_states as t on t.run_id = r.run_id
    where t.status = 'created' and t.remaining_deps = 0 and not exists (
        select from stepgres.timers as m
        where m.run_id = r.run_id and m.kind = 'run_start'
        offset 0
    ) and (r.is_limited is null or not stepgres._stands_in_line(r.run_id));
end
$$;

comment on function stepgres._start_ready_steps(uuid[]) is
'Starts the ready steps of runs that a delay or a pause of the run held back.';

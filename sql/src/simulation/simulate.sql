create function stepgres.simulate(
    workflow_slug text,
    input jsonb,
    outcomes jsonb default '{}',
    signals jsonb default '[]',
    until interval default null,
    version int default null
) returns setof stepgres.simulated_event
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_start timestamptz := clock_timestamp();
    v_worker_id text := 'simulator:' || gen_random_uuid();
    v_run_id uuid;
    v_unknown text;
    v_events stepgres.simulated_event[];
begin
    perform stepgres._check_simulation(simulate.outcomes, simulate.signals);
    begin
        perform stepgres._set_clock(v_start, v_worker_id);
        perform stepgres.register_worker(
            v_worker_id, '{}', '1 year', features => '{durable,limits}'
        );
        v_run_id := stepgres.start_workflow_run(
            simulate.workflow_slug, simulate.input, version => simulate.version,
            executor_id => v_worker_id
        );
        perform stepgres._run_simulation(
            v_run_id, v_worker_id, simulate.outcomes, simulate.signals, simulate.until
        );
        select min(o) into v_unknown
        from jsonb_object_keys(simulate.outcomes) as o
        where not exists (
            select from stepgres.step_states as t
            where t.run_id = any (stepgres._simulated_runs(v_run_id))
                and t.step_slug = split_part(o, '/', 1)
        );
        if v_unknown is not null then
            raise exception 'outcomes has "%", which is no step of the run', v_unknown
                using errcode = 'SG001', hint = 'Correct its name; "step/3" is a task of a map.';
        end if;
        v_events := stepgres._simulated_events(v_run_id, v_start);
        raise exception using errcode = 'SGSIM';
    exception when sqlstate 'SGSIM' then
        -- everything but v_events is rolled back
        null;
    end;
    return query select e.* from unnest(v_events) as e;
end
$$;

comment on function stepgres.simulate(text, jsonb, jsonb, jsonb, interval, int) is
'Returns what would happen in a run, with its timers, retries, waits, limits and child runs.

The run goes through the functions that real runs go through, in a transaction that is rolled back:
no code of a step is called, no other session sees or hears of it, and nothing is left. Time passes
at once: the clock goes from one due time to the next.

outcomes says what steps do: {"step": outcome}, {"step/3": outcome} for a task of a map, or an array
of outcomes, one for each attempt. An outcome is {"output": any value} or {"error": text}, with
"seconds" (how long it takes), "error_type", "retryable" and "retry_after" (seconds). Without an
outcome a step completes at once with null, or with [] if a map takes its output. Steps of child
runs are named in the same way. Tasks under a limit wait only for one another.

signals says what comes from outside, each "after" seconds: {"signal": name, "payload"}, with "key"
for send_signal_by_key; {"approve": step, "payload", "comment", "decided_by"}, or {"reject": step}.

The simulation ends with the run, when nothing is due any more, or after until.

Errors: SG001 malformed arguments, an outcome of an unknown step; SG002 unknown workflow or version;
SG003 a bad input, or a run without end.';

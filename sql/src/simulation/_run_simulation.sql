create function stepgres._run_simulation(
    run_id uuid, worker_id text, outcomes jsonb, signals jsonb, until interval
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_start timestamptz := stepgres._now();
    v_now timestamptz := v_start;
    v_due timestamptz;
    v_runs uuid[];
    v_sent int := 0;
    v_signals jsonb := (
        select coalesce(to_jsonb(array_agg(
            s order by coalesce((s ->> 'after')::float8, 0), place
        )), '[]')
        from jsonb_array_elements(_run_simulation.signals) with ordinality as e (s, place)
    );
    v_pending stepgres._simulated_result[] := '{}'::stepgres._simulated_result[];
    v_results jsonb;
    v_has_moved boolean;
    v_rounds int := 0;
begin
    loop
        v_rounds := v_rounds + 1;
        if v_rounds > 100000 then
            raise exception 'the simulation does not end'
                using errcode = 'SG003', hint = 'Look for retries or runs without end; use until.';
        end if;
        v_runs := stepgres._simulated_runs(_run_simulation.run_id);
        while v_now >= v_start + make_interval(
            secs => coalesce((v_signals -> v_sent ->> 'after')::float8, 0)
        ) and v_sent < jsonb_array_length(v_signals) loop
            perform stepgres._send_simulated(v_runs, v_signals -> v_sent);
            v_sent := v_sent + 1;
        end loop;
        -- what tick does, for these runs alone
        perform stepgres._lock_runs(v_runs);
        perform stepgres._deliver_signals_of(v_runs);
        perform stepgres._count_decisions(v_runs);
        perform stepgres._resolve_children_of(v_runs);
        delete from stepgres.child_changes as c
        where c.change = 'ended' and c.run_id = any (v_runs);
        perform stepgres._cancel_children_of(v_runs);
        perform stepgres._fire_timers_of(v_runs);
        perform stepgres._time_out_waits_of(v_runs);
        perform stepgres._fail_faulty_entries_of(v_runs);
        v_has_moved := false;
        loop
            select to_jsonb(array_agg(p.result)) into v_results
            from unnest(v_pending) as p where p.due_at <= v_now;
            v_pending := array(select p from unnest(v_pending) as p where p.due_at > v_now);
            v_pending := v_pending || array(
                select stepgres._simulated_result_of(i, _run_simulation.outcomes)
                from stepgres.work(
                    _run_simulation.worker_id, coalesce(v_results, '[]'), 100000,
                    stepgres._simulated_runs(_run_simulation.run_id)
                ) as i
                where not i.is_refused
            );
            exit when v_results is null and not exists (
                select from unnest(v_pending) as p where p.due_at <= v_now
            );
            v_has_moved := true;
        end loop;
        v_runs := stepgres._simulated_runs(_run_simulation.run_id);
        exit when not exists (
            select from stepgres.active_runs as a where a.run_id = any (v_runs)
        );
        -- what has ended now may start something now
        continue when v_has_moved;
        v_due := least(
            stepgres._next_simulated(v_runs),
            (select min(p.due_at) from unnest(v_pending) as p),
            v_start + make_interval(secs => (v_signals -> v_sent ->> 'after')::float8)
        );
        exit when v_due is null or v_due > v_start + _run_simulation.until;
        v_now := greatest(v_now, v_due);
        perform stepgres._set_clock(v_now, _run_simulation.worker_id);
    end loop;
end
$$;

comment on function stepgres._run_simulation(uuid, text, jsonb, jsonb, interval) is
'Lets a run go through its life: executes its tasks by their outcomes, and moves the clock on.

It ends when the run and those below it have ended, when nothing is due any more, or at until.';

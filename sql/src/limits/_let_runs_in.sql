create function stepgres._let_runs_in() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_let_in stepgres._picked_entry[] := stepgres._let_in(
        array[stepgres._run_lines()], null, null, -100, 1000
    );
begin
    if v_let_in <> '{}' then
        -- Whoever holds keys must not wait for a run, so tick starts the runs.
        insert into stepgres.timers (run_id, kind, due_at)
        select l.run_id, 'let_in', stepgres._now() from unnest(v_let_in) as l
        on conflict do nothing;
        perform stepgres._notify_workers();
    end if;
end
$$;

comment on function stepgres._let_runs_in() is
'Lets up to 1,000 runs in from their lines: each gets its places, and a timer that starts it.';

create function stepgres._copy_runs(copies stepgres._run_copy[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._copy_finished_steps(_copy_runs.copies);
    perform stepgres._copy_waits(_copy_runs.copies);
    perform stepgres._copy_children(_copy_runs.copies);
    perform stepgres._copy_unfinished_maps(_copy_runs.copies);
    perform stepgres._start_held_bodies(_copy_runs.copies);
    perform stepgres._start_ready_steps(array(select c.run_id from unnest(_copy_runs.copies) as c));
    perform stepgres._copy_checkpoints(_copy_runs.copies);
end
$$;

comment on function stepgres._copy_runs(stepgres._run_copy[]) is
'Starts new runs, which have not begun, where other runs have stopped; see _run_copy.';

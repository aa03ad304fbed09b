create function stepgres._note_failures(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    -- The start of a run may wait for a definition or a deletion under way. This transaction holds
    -- runs that these may wait for, so tick starts the run.
    insert into stepgres.failure_runs (failed_run_id, due_at)
    select i, v_now from unnest(_note_failures.run_ids) as i;
    perform stepgres._notify_workers();
end
$$;

comment on function stepgres._note_failures(uuid[]) is
'Notes that runs with on_failure have failed, for tick, which starts that workflow.';

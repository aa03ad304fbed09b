create function stepgres._take_over(worker_ids text[], is_dead boolean) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return stepgres._take_back(
        stepgres._lock_runs_of_workers(_take_over.worker_ids), _take_over.worker_ids,
        _take_over.is_dead
    );
end
$$;

comment on function stepgres._take_over(text[], boolean) is
'Takes back all that workers hold, including their local runs, and returns the number of tasks.

If is_dead, the attempts of the workers have failed: see _take_back.';

create function stepgres._take_back_lost(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return stepgres._take_back(
        _take_back_lost.run_ids,
        array(select l.worker_id from stepgres._find_lost_workers(_take_back_lost.run_ids) as l),
        is_dead => true
    );
end
$$;

comment on function stepgres._take_back_lost(uuid[]) is
'Takes back all that unregistered workers hold of locked runs; returns the number of tasks.';

create function stepgres._find_lost_workers(run_ids uuid[])
returns table (run_id uuid, worker_id text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select h.run_id, h.worker_id
    from (
        select r.run_id, r.executor_id as worker_id
        from unnest(_find_lost_workers.run_ids) as i (run_id)
        join stepgres.runs as r
            on r.run_id = i.run_id and r.status = 'started' and r.executor_id is not null
        union
        select t.run_id, t.worker_id
        from unnest(_find_lost_workers.run_ids) as i (run_id)
        join stepgres.tasks as t on t.run_id = i.run_id and t.status = 'started'
    ) as h
    where not exists (select from stepgres.workers as w where w.worker_id = h.worker_id);
end
$$;

comment on function stepgres._find_lost_workers(uuid[]) is
'Returns the workers that hold something of runs, but are not registered.

Such a worker is dead, or was ended while a run was started for it.';

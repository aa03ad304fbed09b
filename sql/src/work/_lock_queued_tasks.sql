create function stepgres._lock_queued_tasks(
    worker stepgres.workers, rows tid[], capacity int, least_priority int
) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rows tid[] := _lock_queued_tasks.rows;
    v_pgmq_queue text;
begin
    for v_pgmq_queue in
        select q.pgmq_queue from stepgres._queues_of(_lock_queued_tasks.worker) as q
        where cardinality(v_rows) < _lock_queued_tasks.capacity
            and q.priority >= _lock_queued_tasks.least_priority
    loop
        exit when cardinality(v_rows) >= capacity;
        v_rows := v_rows || stepgres._pop_tasks(v_pgmq_queue, capacity - cardinality(v_rows));
    end loop;
    return v_rows;
end
$$;

comment on function stepgres._lock_queued_tasks(stepgres.workers, tid[], int, int) is
'Adds tasks to rows, up to capacity: those with tickets in the queues of a worker, from a priority
on, the highest first.';

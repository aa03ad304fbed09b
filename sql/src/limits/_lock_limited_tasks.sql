create function stepgres._lock_limited_tasks(
    worker stepgres.workers, run_ids uuid[], rows tid[], capacity int, begins int
) returns tid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_served_by text[] := worker.queues || case
        when run_ids is not null then array['@' || worker.worker_id]
    end;
    v_rows tid[] := _lock_limited_tasks.rows;
    v_priority int := stepgres._prepare_lines(worker.worker_id, v_served_by, capacity);
    v_limited tid[] := '{}'::tid[];
    v_room int;
    v_let_in tid[];
begin
    while v_priority is not null loop
        v_rows := stepgres._lock_queued_tasks(
            _lock_limited_tasks.worker, v_rows, capacity - cardinality(v_limited), v_priority + 1
        );
        -- Lines and queues with the same priority share the room; what one leaves the other gets.
        for i in 1 .. 2 loop
            -- Limited tasks are never claimed ahead: each begins at once.
            v_room := least(
                begins - cardinality(v_limited),
                floor(
                    (capacity - cardinality(v_limited) - cardinality(v_rows))
                    * case i when 1 then 0.5 else 1 end + case i when 1 then random() else 0 end
                )::int
            );
            if v_room > 0 then
                v_let_in := array(
                    select l.row_id
                    from unnest(stepgres._let_in(
                        v_served_by, _lock_limited_tasks.worker, _lock_limited_tasks.run_ids,
                        v_priority, v_room
                    )) as l
                );
                v_limited := v_limited || v_let_in;
                exit when i = 2 or cardinality(v_let_in) < v_room;
            end if;
            v_rows := stepgres._lock_queued_tasks(
                _lock_limited_tasks.worker, v_rows, capacity - cardinality(v_limited), v_priority
            );
        end loop;
        exit when cardinality(v_limited) + cardinality(v_rows) >= capacity;
        v_priority := stepgres._highest_priority(v_served_by, v_priority - 1);
    end loop;
    v_rows := stepgres._lock_queued_tasks(
        _lock_limited_tasks.worker, v_rows, capacity - cardinality(v_limited), -100
    );
    if cardinality(v_limited) < least(begins, capacity - cardinality(v_rows)) then
        perform stepgres._share_room(v_served_by);
    end if;
    return v_limited || v_rows;
end
$$;

comment on function stepgres._lock_limited_tasks(
    stepgres.workers, uuid[], tid[], int, int
) is
'Adds tasks to rows, up to capacity, from the lines and the queues of a worker: those with the
highest priority first. Tasks from lines come first, and at most so many as begin at once.';

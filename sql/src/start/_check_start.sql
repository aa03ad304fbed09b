create function stepgres._check_start(run stepgres.runs, delay interval default null) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_parent stepgres.runs;
begin
    -- The limit is a hundred years: beyond it a timestamp may overflow.
    if not (delay between interval '0' and interval '36525 days') then
        raise exception 'a run cannot be delayed by %', delay
            using errcode = 'SG003', hint = 'A delay is at least 0 seconds and at most 100 years.';
    end if;
    if not (run.deadline > interval '0' and run.deadline <= interval '36525 days') then
        raise exception 'a deadline cannot be %', run.deadline
            using errcode = 'SG003',
                hint = 'A deadline is more than 0 seconds and at most 100 years.';
    end if;
    if not (run.priority between -100 and 100) then
        raise exception 'a run cannot have the priority %', run.priority
            using errcode = 'SG003', hint = 'A priority is a whole number from -100 to 100.';
    end if;
    if not stepgres._is_traceparent(run.traceparent) then
        raise exception 'a run cannot have the traceparent "%"', left(run.traceparent, 100)
            using errcode = 'SG003',
                hint = 'It is as W3C Trace Context says: 00-<32 hex digits>-<16 hex digits>-01.';
    end if;
    if run.tags is not null then
        perform stepgres._check_labels(null, run.tags);
    end if;
    if run.executor_id is not null then
        perform stepgres._worker(run.executor_id);
        perform stepgres._hold_worker(run.executor_id);
    end if;
    if run.parent_run_id is not null then
        -- A cancellation of the parent either comes first and is seen here, or sees the new run.
        v_parent := stepgres._lock_run(run.parent_run_id);
        if v_parent.status <> 'started' then
            perform stepgres._run_is_finished(v_parent.run_id, v_parent.status);
        end if;
    end if;
end
$$;

comment on function stepgres._check_start(stepgres.runs, interval) is
'Raises SG003, SG005, SG006 or SG011 for a run that cannot be started with these options.

Holds the executor and the parent of the run until the transaction ends.';

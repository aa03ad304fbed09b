create function stepgres._fault_of(run stepgres.runs) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when run.status not in ('started', 'completed', 'failed') then 'unknown status'
        when (run.status <> 'started') <> (run.finished_at is not null)
            then 'finished_at is for finished runs'
        when (run.status = 'completed') <> (run.output is not null)
            then 'output is for completed runs'
        when (run.status = 'failed') <> (run.error is not null) then 'error is for failed runs'
        when run.remaining_ends < 0 or (run.remaining_ends = 0) <> (run.status <> 'started')
            then 'remaining_ends is 0 in finished runs, and in no other run'
        when run.paused_at is not null and run.status <> 'started'
            then 'paused_at is for active runs'
        when run.cancelled_at is not null and run.status <> 'failed'
            then 'cancelled_at is for failed runs'
        when run.deadline <= interval '0' then 'deadline must be more than 0 seconds'
    end
$$;

comment on function stepgres._fault_of(stepgres.runs) is
'Returns the rule that a row of runs breaks by itself, or null.';

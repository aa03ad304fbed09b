create function stepgres._pause_waits(run_ids uuid[], paused_at timestamptz) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update stepgres.waits as w
    set remaining = stepgres._time_left(w.due_at, _pause_waits.paused_at), due_at = 'infinity'
    where w.run_id = any (_pause_waits.run_ids) and w.resolved_at is null and w.due_at is not null;
end
$$;

comment on function stepgres._pause_waits(uuid[], timestamptz) is
'Stops the time of the open waits of runs.';

create function stepgres.heartbeat(worker_id text) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._worker(heartbeat.worker_id);
end
$$;

comment on function stepgres.heartbeat(text) is
'Says that a worker lives: extends its lease on all it has claimed.

Errors: SG006 the worker is unknown, or was found dead.';

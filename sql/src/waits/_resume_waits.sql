create function stepgres._resume_waits(run_ids uuid[], resumed_at timestamptz) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update stepgres.waits as w
    set due_at = _resume_waits.resumed_at + w.remaining, remaining = null
    where w.run_id = any (_resume_waits.run_ids) and w.resolved_at is null
        and w.remaining is not null;
    perform stepgres._deliver_signals_of(_resume_waits.run_ids, fresh_from => 0);
    perform stepgres._count_decisions(_resume_waits.run_ids);
end
$$;

comment on function stepgres._resume_waits(uuid[], timestamptz) is
'Lets the time of the open waits of runs go on, and counts what came meanwhile.

Signals are delivered, and decisions on approvals resolve them.';

create function stepgres._count_decisions(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._advance(stepgres._resolve_waits(stepgres._verdicts(
        _count_decisions.run_ids
    )));
end
$$;

comment on function stepgres._count_decisions(uuid[]) is
'Resolves the approvals of locked runs that are decided, and lets the runs go on.';

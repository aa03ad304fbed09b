create function stepgres.fsck() returns setof stepgres.fsck_violation
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
-- everything is read, whatever the planner believes of tables that nobody has analyzed
set enable_nestloop = off
-- which, disabled and needed all the same, would make it look expensive enough to be compiled each time
set jit = off
as $$
    select * from stepgres._find_miscounts()
    union all
    select * from stepgres._find_wrong_statuses()
    union all
    select * from stepgres._find_wrong_tasks()
    union all
    select * from stepgres._find_wrong_queues()
    union all
    select * from stepgres._find_stray_tickets()
$$;

comment on function stepgres.fsck() is
'Checks the invariants of the engine over all runs, and returns the violations.

It returns no row if all invariants hold. The function reads every table: call it in tests or for
an occasional check, not every minute.';

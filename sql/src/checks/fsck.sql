create function stepgres.fsck() returns setof stepgres.fsck_violation
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
-- the function reads everything, whatever the planner believes of tables without statistics
set enable_nestloop = off
-- A nested loop that is disabled and still needed would seem expensive enough for JIT.
set jit = off
as $$
    select * from stepgres._find_faults()
    union all
    select * from stepgres._find_miscounts()
    union all
    select * from stepgres._find_wrong_statuses()
    union all
    select * from stepgres._find_wrong_tasks()
    union all
    select * from stepgres._find_wrong_waits()
    union all
    select * from stepgres._find_wrong_schedules()
    union all
    select * from stepgres._find_wrong_keys()
    union all
    select * from stepgres._find_wrong_children()
    union all
    select * from stepgres._find_wrong_failures()
    union all
    select * from stepgres._find_wrong_decisions()
    union all
    select * from stepgres._find_wrong_lines()
    union all
    select * from stepgres._find_wrong_queues()
    union all
    select * from stepgres._find_stray_tickets()
$$;

comment on function stepgres.fsck() is
'Checks the invariants of the engine over all runs, and returns the violations.

The function returns no row if all invariants hold. The function reads every table: call it in tests
or for an occasional check, not every minute.';

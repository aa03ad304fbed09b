create trigger workflows_guard_runs
after delete on stepgres.workflows
for each row
execute function stepgres._guard_runs();

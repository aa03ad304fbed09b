create function stepgres._fail_faulty_entries() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return stepgres._move_runs('_fail_faulty_entries_of', stepgres._try_lock_runs(array(
        select distinct f.run_id
        from (
            select e.run_id from stepgres.line_entries as e where e.fault is not null limit 1000
        ) as f
    )));
end
$$;

comment on function stepgres._fail_faulty_entries() is
'Fails the next 1,000 tasks and runs that cannot stand in a line, and returns their number.';

create function stepgres._open_runs_of(schedule_slug text) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update stepgres.schedule_runs as s set is_open = false
    where s.schedule_slug = _open_runs_of.schedule_slug and s.is_open and not exists (
        select from stepgres.active_runs as a where a.run_id = s.run_id
    );
    return array(
        select s.run_id from stepgres.schedule_runs as s
        where s.schedule_slug = _open_runs_of.schedule_slug and s.is_open
    );
end
$$;

comment on function stepgres._open_runs_of(text) is
'Returns the active runs of a locked schedule, and closes the rows of the others.';

create function stepgres._hold_version(schedule stepgres.schedules) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version int := coalesce(
        (stepgres._run_of_schedule(_hold_version.schedule)).version,
        (
            select w.current_version from stepgres.workflows as w
            where w.workflow_slug = (_hold_version.schedule).workflow_slug
        )
    );
begin
    perform 1 from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = ((_hold_version.schedule).workflow_slug, v_version)
    for key share skip locked;
    return found or not exists (
        select from stepgres.workflow_versions as w
        where (w.workflow_slug, w.version) = ((_hold_version.schedule).workflow_slug, v_version)
    );
end
$$;

comment on function stepgres._hold_version(stepgres.schedules) is
'Keeps the version that a schedule starts from being deleted; false if a deletion is under way.';

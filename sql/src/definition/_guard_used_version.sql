create function stepgres._guard_used_version() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions;
begin
    -- Restoring a dump of a database with the extension inserts these rows in any order, when the
    -- trigger already exists. pg_dump and pg_restore switch check_function_bodies off; nobody else
    -- has a reason to.
    if tg_op = 'INSERT' and current_setting('check_function_bodies') = 'off' then
        return null;
    end if;
    -- The lock is share, because the first run marks the version as used. Either this trigger sees
    -- the mark, or the first run sees the change. A version that is deleted with its whole workflow
    -- is not found any more.
    for v_version in
        select w.* from stepgres.workflow_versions as w
        where (w.workflow_slug, w.version)
            in ((old.workflow_slug, old.version), (new.workflow_slug, new.version))
        for share
    loop
        if v_version.is_used then
            raise exception 'version % of workflow "%" has runs and cannot change: % in %',
                v_version.version, v_version.workflow_slug, lower(tg_op), tg_table_name
                using errcode = 'SG008',
                    hint = 'Make a new version: call add_step, or register a changed definition.';
        end if;
    end loop;
    return null;
end
$$;

comment on function stepgres._guard_used_version() is
'Raises SG008 for a change to the steps or dependencies of a version that runs use.';

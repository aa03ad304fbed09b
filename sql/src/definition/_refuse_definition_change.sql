create function stepgres._refuse_definition_change() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Deleting a workflow deletes everything below it, by cascade.
    if tg_op = 'DELETE' and not exists (
        select from stepgres.workflows as w where w.workflow_slug = old.workflow_slug
    ) then
        return null;
    end if;
    raise exception 'version % of workflow "%" cannot change: % in %',
        old.version, old.workflow_slug, lower(tg_op), tg_table_name
        using errcode = 'SG008',
            hint = 'Make a new version: call add_step, or register a changed definition.';
end
$$;

comment on function stepgres._refuse_definition_change() is
'Raises SG008 for a change that is never allowed to a version, unless its workflow is deleted.';

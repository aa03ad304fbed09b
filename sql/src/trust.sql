-- The first script of every install, and of "stepgres install" and "stepgres uninstall" on any
-- server. Stepgres calls pgmq with the rights of its owner, and the owner of an object can change
-- the object: so the script refuses objects of strangers.
do $trust$
declare
    v_found record;
begin
    -- A restore brings back the objects with their owners. pg_dump and pg_restore turn the check of
    -- function bodies off; nobody else has a reason to do so.
    if pg_catalog.current_setting('check_function_bodies') = 'off' then
        return;
    end if;
    with recursive trusted as (
        -- not pg_has_role, for which a superuser is a member of every role
        select o.oid as role from pg_catalog.pg_roles as o where o.rolname = current_user
        union
        select m.roleid from trusted as t join pg_catalog.pg_auth_members as m on m.member = t.role
    ),
    schemas as (
        select n.oid, n.nspname, n.nspowner from pg_catalog.pg_namespace as n
        where n.nspname in ('pgmq', 'stepgres')
    ),
    objects as (
        select n.nspname, pg_catalog.format('schema "%s"', n.nspname) as object, n.nspowner as owner
        from schemas as n
        union all
        select n.nspname, pg_catalog.format('function %s', p.oid::pg_catalog.regprocedure),
            p.proowner
        from schemas as n join pg_catalog.pg_proc as p on p.pronamespace = n.oid
        union all
        -- each queue of pgmq belongs to the role that made it
        select n.nspname, pg_catalog.format('table %s', c.oid::pg_catalog.regclass), c.relowner
        from schemas as n join pg_catalog.pg_class as c on c.relnamespace = n.oid
        where n.nspname = 'stepgres' or c.relname = 'meta'
    )
    select o.object, r.rolname as owner into v_found
    from objects as o
    join pg_catalog.pg_roles as r on r.oid = o.owner
    where not r.rolsuper and o.owner not in (select t.role from trusted as t) and not exists (
        select from pg_catalog.pg_extension as e
        where e.extname = o.nspname and e.extowner = o.owner
    )
    order by o.nspname, o.object
    limit 1;
    if found then
        raise exception '% in database "%" belongs to role "%", which "%" is not a member of',
            v_found.object, pg_catalog.current_database(), v_found.owner, current_user
            using errcode = 'SG010', hint = pg_catalog.format(
                'Install as role "%s" if you trust it. Else let a superuser drop the schema, '
                'and check which roles may create schemas here.',
                v_found.owner
            );
    end if;
end
$trust$;

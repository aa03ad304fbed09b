-- Refuse before anything is made, and say what to do instead.
do $guard$
declare
    v_own constant text := '0.1.0';
    v_version text;
    v_owner text;
begin
    -- Functions are made in the order of the manifest, whatever they call.
    perform set_config('check_function_bodies', 'off', true);
    if current_setting('server_version_num')::int < 150000 then
        raise exception 'PostgreSQL % is too old for Stepgres', current_setting('server_version')
            using errcode = 'SG010', hint = 'Use PostgreSQL 15 or newer.';
    end if;

    -- Read, not called: whoever owns a schema of this name could have put anything into the function.
    select
        pg_get_userbyid(n.nspowner),
        (
            select substring(pg_get_functiondef(p.oid) from '\d+\.\d+\.\d+')
            from pg_proc as p
            where p.pronamespace = n.oid and p.proname = 'version' and p.pronargs = 0 and p.prokind = 'f'
        )
    into v_owner, v_version
    from pg_namespace as n
    where n.nspname = 'stepgres';
    if v_version is not null then
        raise exception 'Stepgres % is installed in database "%" already', v_version, current_database()
            using errcode = 'SG010', hint = case
                when v_version = v_own then
                    'There is nothing to do; "stepgres uninstall" removes it with all its runs.'
                when string_to_array(v_version, '.')::int[] > string_to_array(v_own, '.')::int[] then
                    format('This is Stepgres %s, which is older. A downgrade is not possible.', v_own)
                else format(
                    'Run "stepgres upgrade", "alter extension stepgres update", or sql/upgrade--%s--%s.sql.',
                    v_version, v_own
                )
            end;
    elsif v_owner is not null then
        raise exception 'database "%" has a schema "stepgres" that is not Stepgres, owned by "%"',
            current_database(), v_owner
            using errcode = 'SG010',
                hint = 'Rename it with "alter schema stepgres rename to other", or use another database.';
    end if;

    if to_regnamespace('pgmq') is null then
        raise exception 'pgmq is not installed in database "%"', current_database()
            using errcode = 'SG010',
                hint = 'Run "create extension pgmq", or "stepgres install", which brings it where the server has none.';
    elsif not has_schema_privilege('pgmq', 'usage') then
        raise exception 'role "%" may not use schema "pgmq"', current_user
            using errcode = 'SG010',
                hint = format('Let its owner run: grant usage, create on schema pgmq to %I', current_user);
    elsif to_regprocedure('pgmq.pop(text,integer)') is null
        or to_regprocedure('pgmq.send_batch(text,jsonb[])') is null then
        raise exception 'the pgmq in database "%" is too old', current_database()
            using errcode = 'SG010', hint = 'Run "alter extension pgmq update"; it must have pgmq.pop(text, integer).';
    end if;
end
$guard$;

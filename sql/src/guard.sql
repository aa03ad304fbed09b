-- Refuse the install before it makes anything, and say what to do instead.
do $guard$
declare
    v_own constant text := '0.2.0';
    v_version text;
    v_owner text;
begin
    -- The manifest has its own order: a function may call another one that is made later.
    perform set_config('check_function_bodies', 'off', true);
    if current_setting('server_version_num')::int < 150000 then
        raise exception 'PostgreSQL % is too old for Stepgres', current_setting('server_version')
            using errcode = 'SG010', hint = 'Use PostgreSQL 15 or newer.';
    elsif getdatabaseencoding() = 'SQL_ASCII' then
        -- In SQL_ASCII jsonb takes no \u of a character outside ASCII, and a text may be invalid
        -- for clients.
        raise exception
            'database "%" has the encoding SQL_ASCII, in which JSON holds only ASCII characters',
            current_database()
            using errcode = 'SG010',
                hint = 'Use a database with the encoding UTF8: '
                    'create database mine encoding ''UTF8'' template template0.';
    end if;

    -- Read the version, do not call the function: the owner of a schema of this name could have put
    -- any code into it.
    select
        pg_get_userbyid(n.nspowner),
        (
            select substring(pg_get_functiondef(p.oid) from '\d+\.\d+\.\d+')
            from pg_proc as p
            where p.pronamespace = n.oid and p.proname = 'version' and p.pronargs = 0
                and p.prokind = 'f'
        )
    into v_owner, v_version
    from pg_namespace as n
    where n.nspname = 'stepgres';
    if v_version is not null then
        raise exception 'Stepgres % is installed in database "%" already', v_version,
            current_database()
            using errcode = 'SG010', hint = case
                when v_version = v_own then
                    'There is nothing to do; "stepgres uninstall" removes it with all its runs.'
                when string_to_array(v_version, '.')::int[]
                    > string_to_array(v_own, '.')::int[]
                then
                    format(
                        'This is Stepgres %s, which is older. A downgrade is not possible.', v_own
                    )
                else format(
                    'Run "stepgres upgrade", "alter extension stepgres update", '
                    'or sql/upgrade--%s--%s.sql.',
                    v_version, v_own
                )
            end;
    elsif v_owner is not null then
        raise exception 'database "%" has a schema "stepgres" that is not Stepgres, owned by "%"',
            current_database(), v_owner
            using errcode = 'SG010',
                hint = 'Rename the schema with "alter schema stepgres rename to other", '
                    'or use another database.';
    end if;

    if to_regnamespace('pgmq') is null then
        raise exception 'pgmq is not installed in database "%"', current_database()
            using errcode = 'SG010',
                hint = 'Run "create extension pgmq", or "stepgres install", '
                    'which installs pgmq if the server has none.';
    elsif not has_schema_privilege('pgmq', 'usage') then
        raise exception 'role "%" may not use schema "pgmq"', current_user
            using errcode = 'SG010',
                hint = format(
                    'Let the owner of the schema run: grant usage, create on schema pgmq to %I',
                    current_user
                );
    elsif to_regprocedure('pgmq.send_batch(text,jsonb[])') is null then
        raise exception 'the pgmq in database "%" is too old', current_database()
            using errcode = 'SG010',
                hint = 'Run "alter extension pgmq update"; '
                    'Stepgres needs pgmq.send_batch(text, jsonb[]).';
    end if;
end
$guard$;

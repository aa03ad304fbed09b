create function stepgres._caller() returns name
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- In a function with the rights of the owner, current_user is the owner. Poolers and PostgREST
    -- log in as one role, and set another role for each request.
    select case current_setting('role')
        when 'none' then session_user
        else current_setting('role')::name
    end
$$;

comment on function stepgres._caller() is
'Returns the role that calls a public function: the role that the session has set, or its login.';

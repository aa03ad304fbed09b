create function stepgres._find_approval(wait_id bigint) returns stepgres.waits
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wait stepgres.waits;
begin
    select w.* into v_wait from stepgres.waits as w
    where w.wait_id = _find_approval.wait_id and w.kind = 'approval';
    if not found then
        raise exception 'approval % does not exist', coalesce(_find_approval.wait_id::text, 'null')
            using errcode = 'SG033',
                hint = 'Pass the wait_id that list_approvals returns. Approvals are deleted with '
                    'their runs.';
    end if;
    return v_wait;
end
$$;

comment on function stepgres._find_approval(bigint) is
'Returns the wait of an approval; raises SG033 if there is none.';

create function stepgres._is_for("wait" stepgres.waits, assignee text) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select assignee is null or (
        coalesce((("wait").approval -> 'assignees') ? assignee, true)
        and not exists (
            select from stepgres.decisions as d
            where d.wait_id = ("wait").wait_id and d.decided_by = _is_for.assignee
            offset 0
        )
    )
$$;

comment on function stepgres._is_for(stepgres.waits, text) is
'Says whether a name may decide an approval, and has not decided it; null stands for all names.';

create function stepgres.list_approvals(
    assignee text default null,
    run_id uuid default null,
    workflow_slug text default null,
    "limit" int default 100,
    after bigint default null,
    payloads boolean default true
) returns setof stepgres.approval
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(list_approvals.workflow_slug);
    v_run_id uuid := case when list_approvals.run_id is not null
        then (stepgres._find_run(list_approvals.run_id)).run_id end;
    v_after bigint := coalesce(list_approvals.after, 0);
begin
    perform stepgres._not_negative("limit", 'limit');
    -- Only one branch reads: the conditions of the others are false before they begin.
    return query
    select a.*
    from (
        (
            select w as row from stepgres.waits as w
            where v_run_id is null and v_slug is null and w.kind = 'approval'
                and w.resolved_at is null and w.wait_id + 0 > v_after
                and stepgres._is_for(w, list_approvals.assignee)
            order by w.wait_id + 0 limit list_approvals."limit"
        )
        union all
        (
            select w from stepgres.waits as w
            where v_run_id is null and v_slug is not null and w.workflow_slug = v_slug
                and w.kind = 'approval' and w.resolved_at is null and w.wait_id - 0 > v_after
                and stepgres._is_for(w, list_approvals.assignee)
            order by w.wait_id - 0 limit list_approvals."limit"
        )
        union all
        (
            -- offset 0: whatever the planner believes, the index of the run is read
            select o.row from (
                select w as row from stepgres.waits as w
                where w.run_id = v_run_id and w.resolved_at is null offset 0
            ) as o
            where (o.row).kind = 'approval' and (o.row).wait_id > v_after
                and (v_slug is null or (o.row).workflow_slug = v_slug)
                and stepgres._is_for(o.row, list_approvals.assignee)
            order by (o.row).wait_id limit list_approvals."limit"
        )
    ) as l
    cross join stepgres._shown_approval(
        l.row, list_approvals.payloads is not false
    ) as a
    order by a.wait_id;
end
$$;

comment on function stepgres.list_approvals(text, uuid, text, int, bigint, boolean) is
'Lists the approvals that runs wait for, the oldest first: the inbox of those who decide.

With an assignee, only approvals that this name may decide and has not decided are listed: those
with the name among their assignees, and those without assignees. workflow_slug may be the name of a
class. To page, pass the wait_id of the last row as after. limit null returns all. With payloads
false, input is null, and so are the payloads of decisions. A list without large values is read
faster.

Errors: SG005 unknown run, SG014 a negative limit.';

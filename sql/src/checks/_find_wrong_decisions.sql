create function stepgres._find_wrong_decisions() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a decision keeps the rules of its table', d.run_id,
        format('decision %s: %s', d.decision_id, stepgres._fault_of(d))
    from stepgres.decisions as d
    where stepgres._fault_of(d) is not null
    union all
    select 'a decision is on an approval of its run, by an assignee if there are any', d.run_id,
        format('decision %s, wait %s', d.decision_id, d.wait_id)
    from stepgres.decisions as d
    left join stepgres.waits as w
        on w.wait_id = d.wait_id and w.run_id = d.run_id and w.kind = 'approval'
    where w.wait_id is null or (w.approval -> 'assignees' ? d.decided_by) is false
    union all
    select 'an approval ends as its decisions say', w.run_id,
        format('wait %s: %s', w.wait_id, w.outcome)
    from stepgres.waits as w
    left join stepgres.runs as r on r.run_id = w.run_id
    cross join lateral (
        select count(*) filter (where d.is_approval) as approvals,
            count(*) filter (where not d.is_approval) as rejections
        from stepgres.decisions as d
        where d.wait_id = w.wait_id
    ) as c
    where w.kind = 'approval' and case
        when w.outcome = 'approved'
            then c.approvals <> (w.approval -> 'quorum')::int or c.rejections > 0
        when w.outcome = 'rejected' then c.rejections <> 1
        when w.outcome is null and r.paused_at is null
            then c.approvals >= (w.approval -> 'quorum')::int or c.rejections > 0
    end
$$;

comment on function stepgres._find_wrong_decisions() is
'Returns decisions that contradict one another or the approvals: part of fsck.';

create function stepgres._verdicts(run_ids uuid[]) returns stepgres._resolution[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_verdicts stepgres._resolution[];
begin
    select array_agg((
        w.wait_id,
        case when d.is_approval then 'approved' else 'rejected' end,
        jsonb_build_object(
            'approved', d.is_approval, 'payload', d.payload,
            'decisions', stepgres._decisions_of(w.wait_id)
        ),
        case when not d.is_approval then format(
            'approval "%s" was rejected by %s: %s', w.approval ->> 'title', d.decided_by, d.comment
        ) end,
        null
    )::stepgres._resolution order by w.wait_id)
    into v_verdicts
    from stepgres.runs as r
    cross join lateral (
        select o.* from stepgres.waits as o
        where o.run_id = r.run_id and o.resolved_at is null and o.kind = 'approval' offset 0
    ) as w
    cross join lateral stepgres._deciding(w) as d
    where r.run_id = any (_verdicts.run_ids) and r.status = 'started' and r.paused_at is null
        and d.decision_id is not null;
    return v_verdicts;
end
$$;

comment on function stepgres._verdicts(uuid[]) is
'Returns which open approvals of runs are decided, for _resolve_waits; of paused runs none.

The caller has locked the runs.';

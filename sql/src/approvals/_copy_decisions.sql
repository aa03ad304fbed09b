create function stepgres._copy_decisions(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into stepgres.decisions (
        wait_id, run_id, is_approval, decided_by, login, decided_at, comment, payload
    )
    select n.wait_id, n.run_id, d.is_approval, d.decided_by, d.login, d.decided_at, d.comment,
        d.payload
    from stepgres.runs as r
    join stepgres.decisions as d on d.run_id = r.retried_from
    join stepgres.waits as w on w.wait_id = d.wait_id
    cross join lateral (
        select c.wait_id, c.run_id from stepgres.waits as c
        where (c.run_id, c.step_slug, c.task_index, c.name, c.number)
            = (r.run_id, w.step_slug, w.task_index, w.name, w.number)
        offset 0
    ) as n
    where r.run_id = any (_copy_decisions.run_ids)
    order by d.decision_id;
end
$$;

comment on function stepgres._copy_decisions(uuid[]) is
'Copies the decisions on those approvals of retried runs that _copy_waits has copied.';

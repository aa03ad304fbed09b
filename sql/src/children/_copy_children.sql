create function stepgres._copy_children(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into stepgres.waits (
        run_id, workflow_slug, step_slug, task_index, number, kind, child_run_id, opened_at,
        resolved_at, outcome, error
    )
    select distinct on (r.run_id, w.step_slug, w.task_index)
        r.run_id, w.workflow_slug, w.step_slug, w.task_index, 0, w.kind, w.child_run_id,
        w.opened_at, w.resolved_at, w.outcome, w.error
    from stepgres.runs as r
    join stepgres.step_states as t on t.run_id = r.run_id and t.finished_at is null
    cross join lateral (
        select o.* from stepgres.waits as o
        where o.run_id = r.retried_from and o.step_slug = t.step_slug offset 0
    ) as w
    where r.run_id = any (_copy_children.run_ids) and w.kind = 'child' and w.name = ''
        and w.resolved_at is not null
    order by r.run_id, w.step_slug, w.task_index, w.number desc;
end
$$;

comment on function stepgres._copy_children(uuid[]) is
'Copies the last waits of unfinished child steps of retried runs into the new runs, as number 0.

So the first child of such a task continues the last child of the retried run.';

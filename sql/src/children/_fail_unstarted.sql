create function stepgres._fail_unstarted(children stepgres._new_child[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_resolutions stepgres._resolution[];
begin
    with unstarted as (
        delete from stepgres.child_changes as c
        using unnest(_fail_unstarted.children) as n
        cross join lateral (
            select o.wait_id, o.child_run_id from stepgres.waits as o
            where (o.run_id, o.step_slug, o.task_index, o.name, o.number)
                = (n.run_id, n.step_slug, n.task_index, n.name, n.number)
                and o.resolved_at is null
            offset 0
        ) as w
        where c.change = 'ended' and c.run_id = w.child_run_id and c.reason is not null
        returning w.wait_id, c.reason
    )
    select array_agg((u.wait_id, 'failed', null, u.reason, null)::stepgres._resolution)
    into v_resolutions
    from unstarted as u;
    update stepgres.waits as w set child_run_id = null
    where w.wait_id in (select r.wait_id from unnest(v_resolutions) as r);
    perform stepgres._advance(stepgres._resolve_waits(v_resolutions));
end
$$;

comment on function stepgres._fail_unstarted(stepgres._new_child[]) is
'Resolves the waits of bodies for children that could not start, so that the call raises.

Such a wait has no child_run_id. The caller has locked the runs.';

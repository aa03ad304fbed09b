create function stepgres._resolve_children_of(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_resolutions stepgres._resolution[];
begin
    select array_agg((
        w.wait_id, case r.status when 'completed' then 'completed' else 'failed' end, r.output,
        case
            when r.run_id is null
                then coalesce(c.reason, format('run %s was deleted', w.child_run_id))
            when r.cancelled_at is not null
                then format('run %s was cancelled: %s', r.run_id, r.error)
            else r.error
        end,
        null
    )::stepgres._resolution order by w.wait_id)
    into v_resolutions
    from stepgres.child_changes as c
    cross join lateral (
        select o.wait_id, o.run_id, o.child_run_id from stepgres.waits as o
        where o.child_run_id = c.run_id and o.resolved_at is null offset 0
    ) as w
    left join stepgres.runs as r on r.run_id = c.run_id
    where c.change = 'ended' and w.run_id = any (_resolve_children_of.run_ids);
    perform stepgres._advance(stepgres._resolve_waits(v_resolutions));
    return coalesce(cardinality(v_resolutions), 0);
end
$$;

comment on function stepgres._resolve_children_of(uuid[]) is
'Resolves the waits of locked runs whose children have ended, and returns the number of waits.';

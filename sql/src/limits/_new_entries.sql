create function stepgres._new_entries() returns stepgres._new_entry[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_simulator text := stepgres._simulator();
    v_turn bigint;
    v_entries stepgres._new_entry[];
begin
    if not exists (
        select from stepgres.line_entries as e where e.line_id is null and not e.is_paused
    ) then
        return null;
    end if;
    v_turn := nextval('stepgres._turns');
    with fresh as materialized (
        select e.run_id, e.step_slug, e.task_index, e.entry_id
        from stepgres.line_entries as e
        where e.line_id is null and not e.is_paused and (
            v_simulator is null or exists (
                select from stepgres.runs as r
                where r.run_id = e.run_id and r.executor_id = v_simulator
            )
        )
        order by e.entry_id
        limit 5000
        for no key update skip locked
    ),
    described as materialized (
        select f.*, r.workflow_slug, r.version, r.depth, r.is_limited, r.executor_id,
            s.execution, s.durable, s.queue, coalesce(s.resources, '{}') as resources,
            coalesce(r.priority, s.priority, v.priority) as priority,
            case when f.step_slug = '' then v.limits else coalesce(s.limits, '[]') end as limits,
            case when f.step_slug = '' then r.input else t.input end as input
        from fresh as f
        join stepgres.runs as r on r.run_id = f.run_id
        join stepgres.workflow_versions as v
            on (v.workflow_slug, v.version) = (r.workflow_slug, r.version)
        left join lateral (
            select o.* from stepgres.steps as o
            where (o.workflow_slug, o.version, o.step_slug)
                = (r.workflow_slug, r.version, f.step_slug)
            offset 0
        ) as s on true
        left join lateral (
            select o.input from stepgres.tasks as o
            where (o.run_id, o.step_slug, o.task_index) = (f.run_id, f.step_slug, f.task_index)
            offset 0
        ) as t on true
    ),
    -- Without a JSON path, all entries with the same limits have the same keys.
    pathless as materialized (
        select p.limits, stepgres._uses_of(null, '', p.limits, null) as uses
        from (
            select distinct d.limits from described as d where d.limits::text not like '%$%'
        ) as p
    )
    select array_agg((
        d.run_id, d.step_slug, d.task_index, d.entry_id,
        (
            null, md5(g.group_key::text)::uuid, md5(g.group_key::text || o.line_key::text)::uuid,
            o.served_by, d.resources, d.workflow_slug, d.version, d.step_slug, d.priority,
            (u.uses).limit_slugs, (u.uses).keys, l.lenders, v_turn, d.entry_id, '', '', null, null
        )::stepgres.lines,
        (u.uses).weights, (u.uses).fault
    )::stepgres._new_entry order by d.entry_id)
    into v_entries
    from described as d
    left join pathless as p on p.limits = d.limits
    cross join lateral (
        select case
            when p.limits is not null then p.uses
            else stepgres._uses_of(d.run_id, d.step_slug, d.limits, d.input)
        end as uses
        offset 0
    ) as u
    cross join lateral (
        select case
            when d.depth is not null or (d.step_slug <> '' and d.is_limited)
                then stepgres._lenders_of(
                    d.run_id, d.step_slug = '', (u.uses).limit_slugs, (u.uses).keys
                )
            else array_fill(null::uuid, array[coalesce(cardinality((u.uses).keys), 0)])
        end as lenders
    ) as l
    cross join lateral (
        select jsonb_build_array(
            (u.uses).limit_slugs, (u.uses).keys, l.lenders, (u.uses).fair_key
        ) as group_key
    ) as g
    cross join lateral (
        select case
            when d.step_slug = '' then stepgres._run_lines()
            when stepgres._needs_ticket(d.execution, d.durable, d.executor_id) then d.queue
            else '@' || d.executor_id
        end as served_by
        offset 0
    ) as q
    cross join lateral (
        select q.served_by, jsonb_build_array(
            q.served_by, d.resources, d.workflow_slug, d.version, d.step_slug, d.priority
        ) as line_key
        offset 0
    ) as o;
    return v_entries;
end
$$;

comment on function stepgres._new_entries() is
'Locks entries that stand in no line yet, and returns them with the lines that they belong to.';

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
    )
    select array_agg((
        f.run_id, f.step_slug, f.task_index, f.entry_id,
        (
            null, md5(g.group_key::text)::uuid, md5(g.group_key::text || o.line_key::text)::uuid,
            o.served_by, o.resources, r.workflow_slug, r.version, f.step_slug, o.priority,
            u.limit_slugs, u.keys, l.lenders, v_turn, f.entry_id, '', '', null, null
        )::stepgres.lines,
        u.weights, u.fault
    )::stepgres._new_entry order by f.entry_id)
    into v_entries
    from fresh as f
    join stepgres.runs as r on r.run_id = f.run_id
    join stepgres.workflow_versions as v
        on (v.workflow_slug, v.version) = (r.workflow_slug, r.version)
    left join lateral (
        select s.* from stepgres.steps as s
        where (s.workflow_slug, s.version, s.step_slug)
            = (r.workflow_slug, r.version, f.step_slug)
        offset 0
    ) as s on true
    left join lateral (
        select t.input from stepgres.tasks as t
        where (t.run_id, t.step_slug, t.task_index) = (f.run_id, f.step_slug, f.task_index)
        offset 0
    ) as t on true
    cross join lateral stepgres._uses_of(
        f.run_id, f.step_slug,
        case when f.step_slug = '' then v.limits else coalesce(s.limits, '[]') end,
        case when f.step_slug = '' then r.input else t.input end
    ) as u
    cross join lateral (
        select case
            when r.depth is not null or (f.step_slug <> '' and r.is_limited)
                then stepgres._lenders_of(f.run_id, f.step_slug = '', u.limit_slugs, u.keys)
            else array_fill(null::uuid, array[coalesce(cardinality(u.keys), 0)])
        end as lenders
    ) as l
    cross join lateral (
        select
            case
                when f.step_slug = '' then stepgres._run_lines()
                when stepgres._needs_ticket(s.execution, s.durable, r.executor_id) then s.queue
                else '@' || r.executor_id
            end as served_by,
            coalesce(s.resources, '{}') as resources,
            coalesce(r.priority, s.priority, v.priority) as priority
    ) as q
    cross join lateral (
        select jsonb_build_array(u.limit_slugs, u.keys, l.lenders, u.fair_key) as group_key
    ) as g
    cross join lateral (
        select q.served_by, q.resources, q.priority, jsonb_build_array(
            q.served_by, q.resources, r.workflow_slug, r.version, f.step_slug, q.priority
        ) as line_key
    ) as o;
    return v_entries;
end
$$;

comment on function stepgres._new_entries() is
'Locks entries that stand in no line yet, and returns them with the lines that they belong to.';

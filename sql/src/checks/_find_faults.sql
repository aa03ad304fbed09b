create function stepgres._find_faults() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a run keeps the rules of its table', r.run_id, stepgres._fault_of(r)
    from stepgres.runs as r
    where stepgres._fault_of(r) is not null
    union all
    select 'a step keeps the rules of its table', t.run_id,
        format('step %s: %s', t.step_slug, stepgres._fault_of(t))
    from stepgres.step_states as t
    where stepgres._fault_of(t) is not null
    union all
    select 'a task keeps the rules of its table', t.run_id,
        format('task %s/%s: %s', t.step_slug, t.task_index, stepgres._fault_of(t))
    from stepgres.tasks as t
    where stepgres._fault_of(t) is not null
    union all
    select 'a step of a run is a copy of its definition', t.run_id, format('step %s', t.step_slug)
    from stepgres.step_states as t
    join stepgres.runs as r on r.run_id = t.run_id
    left join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug) = (r.workflow_slug, r.version, t.step_slug)
    where (t.map, t.is_direct, t.is_leaf, t.feeds_map)
        is distinct from (s.map, s.is_direct, s.is_leaf, s.feeds_map)
$$;

comment on function stepgres._find_faults() is
'Returns rows that break a rule by themselves, or that differ from their definition: part of fsck.';

create function stepgres._store_steps(
    version int, steps stepgres.steps[], dependencies stepgres.dependencies[]
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_steps stepgres.steps[] := _store_steps.steps;
    v_dependencies stepgres.dependencies[] := _store_steps.dependencies;
begin
    for i in 1 .. cardinality(v_steps) loop
        v_steps[i].version := _store_steps.version;
        v_steps[i].is_direct := (
            not v_steps[i].map and v_steps[i].condition is null and v_steps[i].unless is null
            and v_steps[i].gathers is null and v_steps[i].start_delay = interval '0'
            and v_steps[i].start_at is null and v_steps[i].wait is null
            and v_steps[i].child is null
        ) is true;
        v_steps[i].is_leaf := true;
    end loop;
    for i in 1 .. cardinality(v_dependencies) loop
        v_dependencies[i].version := _store_steps.version;
    end loop;
    perform stepgres._ensure_queue(q.queue, q.priority, q.resources)
    from (select distinct s.queue, s.priority, s.resources from unnest(v_steps) as s) as q;

    insert into stepgres.steps select s.* from unnest(v_steps) as s;
    insert into stepgres.dependencies select d.* from unnest(v_dependencies) as d;
    update stepgres.steps as s
    set is_leaf = false,
        feeds_map = case when s.map then s.feeds_map else coalesce(f.feeds_map, s.feeds_map) end
    from (
        select d.workflow_slug, d.version, d.depends_on,
            min(m.step_slug) filter (where m.map and m.initial_tasks is null) as feeds_map
        from unnest(v_steps) as m
        join unnest(v_dependencies) as d on d.step_slug = m.step_slug
        group by d.workflow_slug, d.version, d.depends_on
    ) as f
    where (s.workflow_slug, s.version, s.step_slug) = (f.workflow_slug, f.version, f.depends_on);
end
$$;

comment on function stepgres._store_steps(int, stepgres.steps[], stepgres.dependencies[]) is
'Adds steps to a version, each with its place and the number of its dependencies.

The constraints of the tables check the steps.';

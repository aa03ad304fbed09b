create function stepgres._order_steps(step_slugs text[], dependents text[], dependencies text[])
returns text[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Each step has a number: its place in the given order. The edges of step i are those from
    -- v_starts[i] to before v_starts[i + 1].
    v_places jsonb;
    v_starts int[];
    v_edges int[];
    v_next int[];
    v_is_ordered boolean[] := array_fill(false, array[cardinality(step_slugs)]);
    v_is_on_path boolean[] := v_is_ordered;
    v_ordered text[] := '{}'::text[];
    v_path int[];
    v_step int;
    v_edge int;
begin
    select jsonb_object_agg(s.slug, s.place) into v_places
    from unnest(step_slugs) with ordinality as s (slug, place);
    select coalesce(array_agg(
        (v_places ->> e.dependency)::int order by (v_places ->> e.dependent)::int, e.place
    ), '{}')
    into v_edges
    from unnest(dependents, dependencies) with ordinality as e (dependent, dependency, place);
    select array_agg(n.first order by n.step) into v_starts
    from (
        select k.step, (sum(sum(k.edges)) over (order by k.step) + 1)::int as first
        from (
            select (v_places ->> e)::int + 1 as step, 1 as edges from unnest(dependents) as e
            union all
            select s, 0 from generate_series(1, cardinality(step_slugs) + 1) as s
        ) as k
        group by k.step
    ) as n;
    v_next := v_starts;

    -- The search goes depth first, in the given order. Each step follows its dependencies: as late
    -- as the given order has it, and as early as a dependent needs it. Every edge is followed once.
    for v_first in 1 .. cardinality(step_slugs) loop
        continue when v_is_ordered[v_first];
        v_path := array[v_first];
        v_is_on_path[v_first] := true;
        while cardinality(v_path) > 0 loop
            v_step := v_path[cardinality(v_path)];
            if v_next[v_step] = v_starts[v_step + 1] then
                v_ordered := v_ordered || step_slugs[v_step];
                v_is_ordered[v_step] := true;
                v_is_on_path[v_step] := false;
                v_path := trim_array(v_path, 1);
                continue;
            end if;
            v_edge := v_edges[v_next[v_step]];
            v_next[v_step] := v_next[v_step] + 1;
            if v_is_on_path[v_edge] then
                raise exception 'the steps depend on each other in a cycle: %', (
                    select string_agg(step_slugs[p.step], ' -> ' order by p.place)
                    from unnest(v_path[array_position(v_path, v_edge):] || v_edge)
                        with ordinality as p (step, place)
                )
                    using errcode = 'SG001',
                        hint = 'A -> B means that A depends on B. Remove one dependency.';
            elsif not v_is_ordered[v_edge] then
                v_path := v_path || v_edge;
                v_is_on_path[v_edge] := true;
            end if;
        end loop;
    end loop;
    return v_ordered;
end
$$;

comment on function stepgres._order_steps(text[], text[], text[]) is
'Returns the steps in a topological order: the given order if it is topological.

dependents[i] depends on dependencies[i]. Raises SG001 for a cycle.';

create function stepgres._order_steps(step_slugs text[], dependents text[], dependencies text[])
returns text[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_ordered text[] := '{}';
    v_layer text[];
    v_path text[];
begin
    -- One pass a layer (Kahn), each linear in steps and edges.
    while cardinality(v_ordered) < cardinality(step_slugs) loop
        select array_agg(s.slug order by s.place) into v_layer
        from unnest(step_slugs) with ordinality as s (slug, place)
        where s.slug not in (select o from unnest(v_ordered) as o)
            and s.slug not in (
                select e.dependent from unnest(dependents, dependencies) as e (dependent, dependency)
                where e.dependency not in (select o from unnest(v_ordered) as o)
            );
        exit when v_layer is null;
        v_ordered := v_ordered || v_layer;
    end loop;
    if cardinality(v_ordered) = cardinality(step_slugs) then
        return v_ordered;
    end if;
    -- Whoever is left has a dependency that is left: following it must come back to the path.
    select array[min(s)] into v_path from unnest(step_slugs) as s where s <> all (v_ordered);
    loop
        select v_path || min(e.dependency) into v_path
        from unnest(dependents, dependencies) as e (dependent, dependency)
        where e.dependent = v_path[cardinality(v_path)] and e.dependency <> all (v_ordered);
        exit when v_path[cardinality(v_path)] = any (v_path[:cardinality(v_path) - 1]);
    end loop;
    v_path := v_path[array_position(v_path, v_path[cardinality(v_path)]):];
    raise exception 'the steps depend on each other in a cycle: %', array_to_string(v_path, ' -> ')
        using errcode = 'SG001', hint = 'A -> B means that A depends on B. Remove one of these dependencies.';
end
$$;

comment on function stepgres._order_steps(text[], text[], text[]) is
'The steps in a topological order that keeps the given order where it can; dependents[i] depends on dependencies[i].';

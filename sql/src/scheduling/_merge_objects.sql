create function stepgres._merge_objects(objects jsonb[]) returns jsonb
language plpgsql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_objects jsonb[] := objects;
begin
    -- The objects are merged in pairs, then the results in pairs again. Concatenating them one
    -- after the other is quadratic for many objects. jsonb_object_agg is quadratic for one value
    -- with many strings: it looks for the end of each string in all that follow.
    while cardinality(v_objects) > 2 loop
        v_objects := array(
            select v_objects[i] || coalesce(v_objects[i + 1], '{}')
            from generate_series(1, cardinality(v_objects), 2) as i
        );
    end loop;
    return v_objects[1] || coalesce(v_objects[2], '{}');
end
$$;

comment on function stepgres._merge_objects(jsonb[]) is
'Merges objects into one, in time linear in their size; of equal keys the last wins.';

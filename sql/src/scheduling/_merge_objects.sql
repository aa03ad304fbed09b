create function stepgres._merge_objects(objects jsonb[]) returns jsonb
language plpgsql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
    v_objects jsonb[] := objects;
begin
    -- In pairs, then in pairs of these: to concatenate one after the other is quadratic for many objects, and
    -- jsonb_object_agg is so for one value with many strings (it looks for the end of each in all that follow).
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
'Objects merged into one; of equal keys the last wins. The time is linear in their size.';

create function stepgres._merge_objects(objects jsonb[]) returns jsonb
language plpgsql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
    -- To concatenate is quicker for two, and quadratic for many.
    return case cardinality(objects)
        when 1 then objects[1]
        when 2 then objects[1] || objects[2]
        else (
            select jsonb_object_agg(f.key, f.value order by o.place)
            from unnest(objects) with ordinality as o (object, place)
            cross join jsonb_each(o.object) as f
        )
    end;
end
$$;

comment on function stepgres._merge_objects(jsonb[]) is
'Objects merged into one; of equal keys the last wins.';

create function stepgres._steps_only(steps jsonb) returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select to_jsonb(array_agg(s.step - '{path,waits_for}'::text[] order by s.place))
    from jsonb_array_elements(steps) with ordinality as s (step, place)
$$;

comment on function stepgres._steps_only(jsonb) is
'Returns planned steps as register_workflow takes them.';

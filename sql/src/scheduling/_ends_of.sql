create function stepgres._ends_of(steps stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
stable strict
set search_path = pg_catalog, pg_temp
as $$
begin
    return array(
        select k
        from unnest(_ends_of.steps) as k
        cross join lateral (
            select t.is_end from stepgres.step_states as t
            where (t.run_id, t.step_slug) = (k.run_id, k.step_slug) offset 0
        ) as o
        where o.is_end
    );
end
$$;

comment on function stepgres._ends_of(stepgres._step_key[]) is
'Returns the steps that their runs count in remaining_ends.';

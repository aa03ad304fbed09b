create function stepgres._move_run(run_id uuid, version int, finished stepgres._step_key[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Make the states anew instead of changing them: remaining_deps never grows.
    delete from stepgres.step_states as t
    where t.run_id = _move_run.run_id and t.status = 'created';
    insert into stepgres.step_states as t (
        run_id, step_slug, map, is_direct, is_leaf, is_end, feeds_map, remaining_deps
    )
    select _move_run.run_id, s.step_slug, s.map, s.is_direct, s.is_leaf, s.is_leaf, s.feeds_map,
        (
            select count(*)
            from stepgres.dependencies as d
            left join stepgres.step_states as o
                on o.run_id = _move_run.run_id and o.step_slug = d.depends_on
            where (d.workflow_slug, d.version, d.step_slug)
                = (s.workflow_slug, s.version, s.step_slug)
                -- a dependency without a state is about to get one; _advance counts down finished
                and (o.finished_at is null or o.step_slug in (
                    select k.step_slug from unnest(_move_run.finished) as k
                    where k.run_id = _move_run.run_id
                ))
        )
    from stepgres.runs as r
    join stepgres.steps as s on (s.workflow_slug, s.version) = (r.workflow_slug, _move_run.version)
    where r.run_id = _move_run.run_id and not exists (
        select from stepgres.step_states as o
        where o.run_id = r.run_id and o.step_slug = s.step_slug
    );
    -- Steps that have started may have got dependents.
    update stepgres.step_states as t
    set is_leaf = s.is_leaf, feeds_map = s.feeds_map
    from stepgres.steps as s
    join stepgres.runs as r
        on r.run_id = _move_run.run_id
            and (s.workflow_slug, s.version) = (r.workflow_slug, _move_run.version)
    where t.run_id = r.run_id and t.step_slug = s.step_slug
        and (t.is_leaf, t.feeds_map) is distinct from (s.is_leaf, s.feeds_map);
    update stepgres.runs as r set version = _move_run.version where r.run_id = _move_run.run_id;
    perform stepgres._count_ends(array[_move_run.run_id], _move_run.finished);
end
$$;

comment on function stepgres._move_run(uuid, int, stepgres._step_key[]) is
'Moves a run to another version that has all its steps, and recounts remaining_deps.

Only steps that have not started are counted anew. finished are the steps that _advance will count
down next.';

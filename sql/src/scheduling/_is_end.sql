create function stepgres._is_end(
    run_id uuid, workflow_slug text, version int, step_slug text
) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return not exists (
        select from stepgres.dependencies as d
        cross join lateral (
            select t.finished_at from stepgres.step_states as t
            where t.run_id = _is_end.run_id and t.step_slug = d.step_slug offset 0
        ) as t
        where (d.workflow_slug, d.version, d.depends_on)
            = (_is_end.workflow_slug, _is_end.version, _is_end.step_slug)
            and t.finished_at is null
    );
end
$$;

comment on function stepgres._is_end(uuid, text, int, text) is
'Says whether no unfinished step of a run depends on the step.';

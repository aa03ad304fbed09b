create function stepgres._lanes_of(workflow_slug text, version int, step_slug text) returns jsonb[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when w.tasks is not null then array['{"goals": true}'::jsonb]
        else array[k.lane, k.lane || jsonb_build_object('step', _lanes_of.step_slug)]
    end
    from stepgres.workflow_versions as w
    cross join lateral (
        select jsonb_build_object(
            'workflow', w.workflow_slug, 'version', coalesce(w.optimized_from, w.version)
        ) as lane
    ) as k
    where (w.workflow_slug, w.version) = (_lanes_of.workflow_slug, _lanes_of.version)
$$;

comment on function stepgres._lanes_of(text, int, text) is
'Returns the lanes that the tickets of a step may go to at once, the general lane first.';

create function stepgres._map_source(run_id uuid, step_slug text) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_source jsonb;
begin
    select
        case
            when s.dependency_count = 0 then r.input
            when t.status = 'skipped' then '[]'
            else t.output
        end
    into v_source
    from stepgres.runs as r
    join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (r.workflow_slug, r.version, _map_source.step_slug)
    left join stepgres.dependencies as d
        on (d.workflow_slug, d.version, d.step_slug) = (s.workflow_slug, s.version, s.step_slug)
    left join stepgres.step_states as t on t.run_id = r.run_id and t.step_slug = d.depends_on
    where r.run_id = _map_source.run_id and s.initial_tasks is null;
    return v_source;
end
$$;

comment on function stepgres._map_source(uuid, text) is
'Returns the array that a map step maps over; null if initial_tasks sets the number of its tasks.';

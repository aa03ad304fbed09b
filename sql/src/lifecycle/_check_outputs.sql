create function stepgres._check_outputs(run_id uuid, version int, fresh text[], outputs jsonb)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_problem text;
begin
    if outputs is null then
        return;
    elsif jsonb_typeof(outputs) <> 'object' then
        raise exception 'outputs are an object, such as {"step": 1}, and not %',
            jsonb_typeof(outputs)
            using errcode = 'SG003', hint = 'Each key is the slug of a step that is copied.';
    end if;
    select case
        when o.step_slug = any (_check_outputs.fresh)
            then format('step "%s" begins anew, so it has no output to replace', o.step_slug)
        when t.status is distinct from 'completed' or s.step_slug is null
            then format('step "%s" has no output that is copied', o.step_slug)
        when t.map and (
            jsonb_typeof(o.output) <> 'array' or jsonb_array_length(o.output) <> t.initial_tasks
        )
            then format('the output of map step "%s" is an array of %s elements', o.step_slug,
                t.initial_tasks)
        when s.feeds_map is not null and jsonb_typeof(o.output) <> 'array'
            then stepgres._no_array(s.feeds_map, o.step_slug, o.output)
    end
    into v_problem
    from jsonb_each(_check_outputs.outputs) as o (step_slug, output)
    join stepgres.runs as r on r.run_id = _check_outputs.run_id
    left join stepgres.step_states as t on t.run_id = r.run_id and t.step_slug = o.step_slug
    left join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (r.workflow_slug, _check_outputs.version, o.step_slug)
            and s.map = t.map
    order by 1
    limit 1;
    if v_problem is not null then
        raise exception '%', v_problem
            using errcode = 'SG003', hint = 'Each key of outputs is a step that is copied.';
    end if;
end
$$;

comment on function stepgres._check_outputs(uuid, int, text[], jsonb) is
'Raises SG003 if outputs cannot replace outputs of a run that are copied into a run of a version.';

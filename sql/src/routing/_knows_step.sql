create function stepgres._knows_step(
    knows jsonb, workflow_slug text, version int, step_slug text
) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_known int;
    v_defined int;
    v_goal_tasks jsonb;
begin
    if knows is null then
        return true;
    end if;
    select coalesce(w.optimized_from, w.version), w.tasks into v_defined, v_goal_tasks
    from stepgres.workflow_versions as w
    where (w.workflow_slug, w.version) = (_knows_step.workflow_slug, _knows_step.version);
    v_known := stepgres._known_version(_knows_step.knows, _knows_step.workflow_slug);
    return case
        when v_goal_tasks is not null and knows -> 'goals' = 'true' then true
        when v_goal_tasks is not null and jsonb_typeof(knows -> 'goals') = 'array'
            and stepgres._matches_goal(knows -> 'goals', v_goal_tasks, _knows_step.step_slug)
            then true
        when v_known = v_defined then true
        -- A newer version serves steps that have not changed; options do not matter to code.
        when v_goal_tasks is null and v_known > v_defined and exists (
            select from stepgres.steps as s
            join stepgres.steps as o
                on (o.workflow_slug, o.version, o.step_slug)
                    = (s.workflow_slug, v_known, s.step_slug)
            where (s.workflow_slug, s.version, s.step_slug)
                = (_knows_step.workflow_slug, _knows_step.version, _knows_step.step_slug)
                and s.map = o.map and array(
                    select d.depends_on from stepgres.dependencies as d
                    where (d.workflow_slug, d.version, d.step_slug)
                        = (s.workflow_slug, s.version, s.step_slug)
                    order by d.depends_on
                ) = array(
                    select d.depends_on from stepgres.dependencies as d
                    where (d.workflow_slug, d.version, d.step_slug)
                        = (o.workflow_slug, o.version, o.step_slug)
                    order by d.depends_on
                )
        ) then true
        -- A step in SQL has its code in the database.
        else exists (
            select from stepgres.steps as s
            where (s.workflow_slug, s.version, s.step_slug)
                = (_knows_step.workflow_slug, _knows_step.version, _knows_step.step_slug)
                and s.sql_function is not null
        )
    end;
end
$$;

comment on function stepgres._knows_step(jsonb, text, int, text) is
'Says whether a worker that knows this has the code of a step, or of a goal task.';

-- A view lets a query for one step look up each of its dependencies once. offset 0 makes each
-- lookup use the whole key: a planner that expects small runs would read all steps of the run.
create view stepgres._step_inputs as
select
    r.run_id,
    s.step_slug,
    case
        when s.dependency_count = 0 then r.input
        else (
            -- The outputs that are objects are merged in the order of the dependencies, then the
            -- output of each dependency under its slug; of equal keys the last wins. A skipped
            -- dependency is absent.
            select
                case jsonb_typeof(r.input) when 'object' then r.input else '{}' end
                || coalesce(
                    stepgres._merge_objects(
                        array_agg(o.output order by e.dependency_index)
                        filter (where jsonb_typeof(o.output) = 'object')
                    ), '{}'
                )
                || case count(o.output)
                    when 0 then '{}'
                    -- the only output
                    when
                        1
                        then jsonb_build_object(
                            min(e.depends_on) filter (where o.output is not null),
                            (array_agg(o.output) filter (where o.output is not null))[1]
                        )
                    else stepgres._merge_objects(
                        array_agg(jsonb_build_object(e.depends_on, o.output))
                        filter (where o.output is not null)
                    )
                end
            from stepgres.dependencies as e
            left join
                lateral (
                    select c.output from stepgres.step_states as c
                    where
                        c.run_id = r.run_id and c.step_slug = e.depends_on
                        and c.status = 'completed'
                    offset 0 -- noqa: AM09
                ) as o
                on true
            where
                (e.workflow_slug, e.version, e.step_slug)
                = (s.workflow_slug, s.version, s.step_slug)
        )
    end as input
from stepgres.runs as r
inner join stepgres.steps as s
    on (s.workflow_slug, s.version) = (r.workflow_slug, r.version);

comment on view stepgres._step_inputs is
'The input of each step of each run, built from the outputs that its dependencies have so far.';

-- A view, so that whoever asks for one step gets one lookup of each of its dependencies. offset 0 makes each
-- a lookup by the whole key: a planner that believes that runs are small would read all steps of the run.
create view stepgres._step_inputs as
select
    t.run_id,
    t.step_slug,
    coalesce(
        (
            -- Of equal keys the last wins: the object outputs of the dependencies merged in order, then
            -- the output of each under its slug. A dependency that was skipped is absent.
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
                    -- the one that there is
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
                    where c.run_id = t.run_id and c.step_slug = e.depends_on and c.status = 'completed'
                    offset 0 -- noqa: AM09
                ) as o
                on true
            where (e.workflow_slug, e.version, e.step_slug) = (r.workflow_slug, r.version, t.step_slug)
            having count(*) > 0
        ),
        r.input -- of a root step
    ) as input
from stepgres.step_states as t
cross join
    lateral (
        select
            w.workflow_slug,
            w.version,
            w.input
        from stepgres.runs as w
        where w.run_id = t.run_id
        offset 0 -- noqa: AM09
    ) as r;

comment on view stepgres._step_inputs is
'The input of each step of each run, from what its dependencies have put out so far.';

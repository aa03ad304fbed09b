-- A view, so that whoever asks for one step gets one lookup of each of its dependencies.
create view stepgres._step_inputs as
select
    r.run_id,
    s.step_slug,
    case
        when s.dependency_count = 0 then r.input
        else case jsonb_typeof(r.input) when 'object' then r.input else '{}' end || (
            -- Of equal keys the last wins: the object outputs of the dependencies merged in order, then
            -- the output of each under its slug. A dependency that was skipped is absent.
            select coalesce(jsonb_object_agg(l.key, l.value order by l.layer, e.dependency_index), '{}')
            from stepgres.dependencies as e
            inner join stepgres.step_states as o on e.depends_on = o.step_slug
            cross join lateral (
                select
                    1 as layer,
                    f.key,
                    f.value
                from jsonb_each(case jsonb_typeof(o.output) when 'object' then o.output end) as f
                union all
                select
                    2 as layer,
                    e.depends_on as key,
                    o.output as value
            ) as l
            where
                (e.workflow_slug, e.version, e.step_slug) = (s.workflow_slug, s.version, s.step_slug)
                and o.run_id = r.run_id and o.status = 'completed'
        )
    end as input
from stepgres.runs as r
inner join stepgres.steps as s on r.workflow_slug = s.workflow_slug and r.version = s.version;

comment on view stepgres._step_inputs is
'The input of each step of each run, from what its dependencies have put out so far.';

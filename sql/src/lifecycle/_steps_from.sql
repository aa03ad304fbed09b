create function stepgres._steps_from(workflow_slug text, version int, from_steps text[])
returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_unknown text;
begin
    if (select bool_and(f is not null) from unnest(_steps_from.from_steps) as f) is not true then
        raise exception 'a fork begins at one step or more'
            using errcode = 'SG003', hint = 'Pass the slugs of steps as from_steps.';
    end if;
    select f into v_unknown
    from unnest(_steps_from.from_steps) as f
    where not exists (
        select from stepgres.steps as s
        where (s.workflow_slug, s.version, s.step_slug)
            = (_steps_from.workflow_slug, _steps_from.version, f)
    );
    if found then
        raise exception 'version % of workflow "%" has no step "%"',
            version, workflow_slug, v_unknown
            using errcode = 'SG003', hint = 'get_flow lists the steps.';
    end if;
    return array(
        with recursive fresh as (
            select f as step_slug from unnest(_steps_from.from_steps) as f
            union
            select d.step_slug
            from fresh as u
            cross join lateral (
                select e.step_slug from stepgres.dependencies as e
                where (e.workflow_slug, e.version, e.depends_on)
                    = (_steps_from.workflow_slug, _steps_from.version, u.step_slug)
                offset 0
            ) as d
        )
        select u.step_slug from fresh as u
    );
end
$$;

comment on function stepgres._steps_from(text, int, text[]) is
'Returns steps of a workflow and all steps behind them; raises SG003 for none or an unknown one.';

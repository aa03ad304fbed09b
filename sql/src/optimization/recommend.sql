create function stepgres.recommend(workflow_slug text, level text default 'basic')
returns setof stepgres.recommendation
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current stepgres.workflow_versions := stepgres._find_version(recommend.workflow_slug, null);
    v_source stepgres.workflow_versions := stepgres._find_version(
        v_current.workflow_slug, coalesce(v_current.optimized_from, v_current.version)
    );
    v_wanted stepgres._advice[] := array(
        select a from stepgres._advise(v_source, v_current.version, recommend.level) as a
    );
    v_runs bigint := count(*) from stepgres._recent_runs(v_current.workflow_slug, 20);
begin
    if level <> 'none' and v_runs < 20 then
        return query select null::text, null::text, null::jsonb, null::jsonb, format(
            'too little history: %s runs of workflow "%s" have ended; '
            'recommendations begin with 5, and no timeout is lowered before 20',
            v_runs, v_current.workflow_slug
        );
        if v_runs < 5 then
            return;
        end if;
    end if;
    return query
    with wanted as (
        select coalesce(a.step_slug, '') as step_slug, a.option, a.value, a.reason
        from unnest(v_wanted) as a
    ),
    present as (
        select o.key as step_slug, p.key as option, p.value
        from jsonb_each(v_current.optimizations) as o
        cross join jsonb_each(o.value) as p
    ),
    changed as (
        select step_slug, option, p.value as current, w.value as recommended, w.reason
        from wanted as w full join present as p using (step_slug, option)
        where w.value is distinct from p.value
    )
    select nullif(c.step_slug, ''), c.option, coalesce(c.current, d.value),
        coalesce(c.recommended, d.value),
        coalesce(c.reason, 'as it was defined: recorded runs give no reason for another value')
    from changed as c
    join stepgres._option_values(v_source.workflow_slug, v_source.version) as d
        on d.option = c.option and coalesce(d.step_slug, '') = c.step_slug
    left join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug)
            = (v_source.workflow_slug, v_source.version, c.step_slug)
    order by s.step_index, c.option;
end
$$;

comment on function stepgres.recommend(text, text) is
'Returns what optimize_workflow would change, and the figures for each change; changes nothing.

Level "basic" has timeouts with room above the 99th percentile, and more attempts if retries have
helped. Level "advanced" adds priorities, by the longest measured path that is left, and
max_parallel, if more tasks at a time did not get more done. Level "aggressive" adds sticky steps in
chains of short steps. Level "none" has every option as it was defined.

Recommendations are made from the last 1,000 runs that have ended, of all versions: see
step_statistics. With fewer than 5 runs there are no recommendations. With fewer than 20 runs no
timeout is lowered, and a row without an option says so.

Errors: SG002 unknown workflow, SG003 unknown level.';

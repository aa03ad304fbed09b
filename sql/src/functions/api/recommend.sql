create function stepgres.recommend(workflow_slug text, level text default 'basic')
returns setof stepgres.recommendation
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current stepgres.workflow_versions := stepgres._find_version(recommend.workflow_slug, null);
    v_source stepgres.workflow_versions := v_current;
    v_runs bigint := count(*) from stepgres._recent_runs(recommend.workflow_slug, 20);
begin
    if (level in ('none', 'basic', 'advanced', 'aggressive')) is not true then
        raise exception '"%" is no level of optimization', level
            using errcode = 'SG003', hint = 'Levels are basic, advanced and aggressive; none takes back what was optimized.';
    end if;
    if v_current.optimized_from is not null then
        v_source := stepgres._find_version(recommend.workflow_slug, v_current.optimized_from);
    end if;
    if level <> 'none' and v_runs < 20 then
        return query select null::text, null::text, null::jsonb, null::jsonb, format(
            'too little history: %s runs of workflow "%s" have ended; recommendations begin with 5, and no timeout is lowered before 20',
            v_runs, v_current.workflow_slug
        );
        if v_runs < 5 then
            return;
        end if;
    end if;
    return query
    select c.step_slug, c.option, c.value, coalesce(a.value, d.value),
        coalesce(a.reason, 'as it was defined: what is recorded gives no reason for another value')
    from stepgres._option_values(v_current.workflow_slug, v_current.version) as c
    join stepgres._option_values(v_source.workflow_slug, v_source.version) as d
        on (d.option, coalesce(d.step_slug, '')) = (c.option, coalesce(c.step_slug, ''))
    left join stepgres._advise(v_source, v_current.version, recommend.level) as a
        on (a.option, coalesce(a.step_slug, '')) = (c.option, coalesce(c.step_slug, ''))
    left join stepgres.steps as s
        on (s.workflow_slug, s.version, s.step_slug) = (v_current.workflow_slug, v_current.version, c.step_slug)
    where c.value is distinct from coalesce(a.value, d.value)
    order by s.step_index, c.option;
end
$$;

comment on function stepgres.recommend(text, text) is
'What optimize_workflow would change, and the figures that speak for each change; the workflow stays as it is.

Levels: "basic" has timeouts with room above the 99th percentile, and more attempts where retries were seen to help; "advanced" besides that
priorities, by the longest measured path that is left, and a max_parallel, if more tasks at a time did not get more done;
"aggressive" besides that sticky steps in chains of short ones; "none" has everything as it was defined. They are made from the last 1,000 runs
that have ended, of all versions: see step_statistics. With fewer than 5 there are none, with fewer than 20 no timeout is lowered:
a row without an option says so.

Errors: SG002 unknown workflow, SG003 unknown level.';

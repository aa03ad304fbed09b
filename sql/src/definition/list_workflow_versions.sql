create function stepgres.list_workflow_versions(
    workflow_slug text,
    "limit" int default null,
    after int default null,
    most int default null
) returns setof stepgres.workflow_version
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current stepgres.workflow_versions := stepgres._find_version(
        list_workflow_versions.workflow_slug, null
    );
begin
    perform stepgres._not_negative("limit", 'limit');
    perform stepgres._not_negative(most, 'most');
    return query
    with active as (
        select r.version, count(*) as runs
        from (
            select o.run_id from stepgres.active_runs as o
            where o.workflow_slug = v_current.workflow_slug
            order by o.inserted_at desc
            limit list_workflow_versions.most
        ) as a
        -- "offset 0" keeps the planner from reading all runs
        cross join lateral (
            select r.version from stepgres.runs as r where r.run_id = a.run_id offset 0
        ) as r
        group by r.version
    )
    select
        w.workflow_slug, w.version, w.version = v_current.version, w.is_used,
        (
            select count(*) from stepgres.steps as s
            where (s.workflow_slug, s.version) = (w.workflow_slug, w.version)
        )::int,
        coalesce(a.runs, 0)::int, w.optimized_from, w.optimizations, w.created_at
    from stepgres.workflow_versions as w
    left join active as a on a.version = w.version
    where w.workflow_slug = v_current.workflow_slug
        and (list_workflow_versions.after is null or w.version < list_workflow_versions.after)
    order by w.version desc limit list_workflow_versions."limit";
end
$$;

comment on function stepgres.list_workflow_versions(text, int, int, int) is
'Lists the versions of a workflow, the newest first, with the number of steps and of active runs.

A version that optimize_workflow has made names the version it was made from, and the changed
options: {step: {option: value}}, with options of the workflow under the empty name.

To page, pass the version of the last row as after. limit null returns all. With most, only so many
active runs are counted, the newest: the call ends soon, however many runs are active.

Errors: SG002 unknown workflow, SG014 a negative limit or most.';

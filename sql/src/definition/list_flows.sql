create function stepgres.list_flows(goals boolean default false) returns setof stepgres.flow
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        w.workflow_slug, w.current_version,
        (
            select count(*) from stepgres.steps as s
            where (s.workflow_slug, s.version) = (w.workflow_slug, w.current_version)
        )::int,
        w.created_at
    from stepgres.workflows as w
    where goals or not stepgres._is_of_goal(w)
    order by w.workflow_slug
$$;

comment on function stepgres.list_flows(boolean) is
'Lists the workflows by slug, each with its current version and the number of its steps.

With goals, the list includes the workflows that task graphs have become.';

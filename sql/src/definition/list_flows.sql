create function stepgres.list_flows(
    goals boolean default false,
    search text default null,
    "limit" int default null,
    after text default null
) returns setof stepgres.flow
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._not_negative("limit", 'limit');
    return query
    select
        w.workflow_slug, w.current_version,
        (
            select count(*) from stepgres.steps as s
            where (s.workflow_slug, s.version) = (w.workflow_slug, w.current_version)
        )::int,
        w.created_at
    from stepgres.workflows as w
    where w.workflow_slug > coalesce(list_flows.after, '')
        and (
            list_flows.search is null
            or strpos(lower(w.workflow_slug), lower(list_flows.search)) > 0
        )
        and (list_flows.goals or not stepgres._is_of_goal(w))
    order by w.workflow_slug limit list_flows."limit";
end
$$;

comment on function stepgres.list_flows(boolean, text, int, text) is
'Lists the workflows by slug, each with its current version and the number of its steps.

With goals, the list includes the workflows that task graphs have become. search finds a text in
slugs, in upper or lower case. To page, pass the slug of the last row as after. limit null returns
all.

Errors: SG014 a negative limit.';

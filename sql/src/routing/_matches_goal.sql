create function stepgres._matches_goal(
    patterns jsonb, goal_tasks jsonb, step_slug text, prefix text default ''
) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from jsonb_array_elements(_matches_goal.goal_tasks) as t
        cross join lateral (select t ->> 'id' as id, prefix || (t ->> 'id') as path) as k
        where (
            t ->> 'step_slug' = _matches_goal.step_slug and exists (
                select from jsonb_array_elements_text(_matches_goal.patterns) as p
                where p in (k.id, k.path) or k.id ~ stepgres._glob(p) or k.path ~ stepgres._glob(p)
            )
        ) or case when jsonb_typeof(t -> 'subtasks') = 'array' then stepgres._matches_goal(
            _matches_goal.patterns, t -> 'subtasks', _matches_goal.step_slug, k.path || '/'
        ) end
    )
$$;

comment on function stepgres._matches_goal(jsonb, jsonb, text, text) is
'Says whether the goal task of a step, among nested goal tasks, matches a pattern by path or id.';

create function stepgres._find_dependencies(goal_tasks stepgres._goal_task[])
returns setof stepgres._goal_dependency
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- A name means the goal task with this id or path in the own group, else in the group around
    -- it, and so on outwards. A name with a slash in front is the path from the root. A goal task
    -- means itself only if no other goal task matches. A name without a match leaves null.
    select distinct on (t.place, d.dependency_index)
        t.path, d.dependency_index, d.named #>> '{}', o.path
    from unnest(goal_tasks) as t
    cross join jsonb_array_elements(
        case jsonb_typeof(t.document -> 'depends_on')
            when 'array' then t.document -> 'depends_on'
        end
    )
        with ordinality as d (named, dependency_index)
    cross join unnest(t.scopes) with ordinality as s (prefix, distance)
    left join (select k.path from unnest(goal_tasks) as k) as o
        on o.path = case when jsonb_typeof(d.named) = 'string' then
            case
                when starts_with(d.named #>> '{}', '/') then substr(d.named #>> '{}', 2)
                else s.prefix || (d.named #>> '{}')
            end
        end
    order by t.place, d.dependency_index, o.path is null, o.path = t.path, s.distance
$$;

comment on function stepgres._find_dependencies(stepgres._goal_task[]) is
'Returns the names in depends_on of each goal task, and the path of the goal task of each name.';

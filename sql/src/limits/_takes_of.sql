create function stepgres._takes_of(entries stepgres._picked_entry[])
returns table (
    entry_id bigint, line_id bigint, run_id uuid, step_slug text, task_index int, row_id tid,
    number bigint, limit_slug text, key text, lent_by uuid, places bigint, units bigint
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select e.entry_id, (e.line).line_id, e.run_id, e.step_slug, e.task_index, e.row_id,
        u.number, u.limit_slug, u.key, u.lent_by,
        case
            when l.max_running is null then 0
            when u.lent_by is not null then 1
            else least(u.weight, l.max_running)
        end,
        case when l.rate is null then 0 else least(u.weight, l.burst) end
    from unnest(_takes_of.entries) as e
    cross join lateral unnest(
        (e.line).limit_slugs, (e.line).keys, (e.line).lenders, e.weights
    ) with ordinality as u (limit_slug, key, lent_by, weight, number)
    join stepgres.limits as l on l.limit_slug = u.limit_slug
$$;

comment on function stepgres._takes_of(stepgres._picked_entry[]) is
'Returns how many places and units of the rate entries take under each of their limits.

A limit that was deleted takes nothing.';

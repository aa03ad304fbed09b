create function stepgres._takes_of(line stepgres.lines, weights bigint[])
returns table (
    number bigint, limit_slug text, key text, lent_by uuid, places bigint, units bigint
)
language sql
stable
as $$
    select u.number, u.limit_slug, u.key, u.lent_by,
        case
            when l.max_running is null then 0
            when u.lent_by is not null then 1
            else least(u.weight, l.max_running)
        end,
        case when l.rate is null then 0 else least(u.weight, l.burst) end
    from unnest(
        (_takes_of.line).limit_slugs, (_takes_of.line).keys, (_takes_of.line).lenders,
        _takes_of.weights
    ) with ordinality as u (limit_slug, key, lent_by, weight, number)
    join stepgres.limits as l on l.limit_slug = u.limit_slug
$$;

comment on function stepgres._takes_of(stepgres.lines, bigint[]) is
'Returns how many places and units of the rate an entry of a line takes under each of its limits.

A limit that was deleted takes nothing. No search_path is set, so that the planner inlines the
function.';

create function stepgres._held_up_by(
    run_id uuid, step_slug text, task_index int, out detail text, out until timestamptz
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select
        format(
            'limit "%s"%s has no room%s%s; %s in line', l.at_limit,
            case when l.at_key <> 'null' then ' for ' || l.at_key end,
            case
                when p.holders > 0 then format(
                    ': %s of %s taken, by %s', p.weight, o.max_running, p.names
                )
                when l.at_lender is not null
                    then format(': run %s lends its place to others', l.at_lender)
            end,
            case when k.opens_at is not null then ' before the next instant of its rate' end,
            case when a.ahead = 0 then 'first' else format('%s ahead', a.ahead) end
        ),
        k.opens_at
    from stepgres.line_entries as e
    join stepgres.lines as l on l.line_id = e.line_id
    left join stepgres.limits as o on o.limit_slug = l.at_limit
    left join stepgres.limit_keys as k on (k.limit_slug, k.key) = (l.at_limit, l.at_key)
    cross join lateral (
        select count(*) as holders, sum(h.weight) as weight, string_agg(
            format('run %s', h.run_id), ', ' order by h.taken_at
        ) filter (where h.place <= 3) || case when count(*) > 3 then ' and others' else '' end
            as names
        from (
            select c.*, row_number() over (order by c.taken_at) as place
            from stepgres.places as c
            where (c.limit_slug, c.key) = (l.at_limit, l.at_key) and c.lent_by is null
                and c.weight > 0
        ) as h
        where l.at_lender is null
    ) as p
    cross join lateral (
        select count(*) as ahead from stepgres.line_entries as n
        where n.line_id = e.line_id and n.entry_id < e.entry_id and not n.is_paused
    ) as a
    where (e.run_id, e.step_slug, e.task_index)
        = (_held_up_by.run_id, _held_up_by.step_slug, _held_up_by.task_index)
        and l.at_limit <> ''
$$;

comment on function stepgres._held_up_by(uuid, text, int) is
'Says which limit holds a task up, or with an empty step_slug a run; null: none is known to.';

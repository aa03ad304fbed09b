create function stepgres._file_entries(entries stepgres._new_entry[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if entries is null then
        return;
    end if;
    insert into stepgres.lines as l (
        fair_group, identity, served_by, resources, workflow_slug, version, step_slug, priority,
        limit_slugs, keys, lenders, turn, head
    )
    select
        (f.line).fair_group,
        (f.line).identity,
        (f.line).served_by,
        (f.line).resources,
        (f.line).workflow_slug,
        (f.line).version,
        (f.line).step_slug,
        (f.line).priority,
        (f.line).limit_slugs,
        (f.line).keys,
        (f.line).lenders,
        (f.line).turn,
        (f.line).head
    from (
        select distinct on ((n.line).identity) n.line
        from unnest(_file_entries.entries) as n
        where n.fault is null
        order by (n.line).identity, n.entry_id
    ) as f
    on conflict on constraint lines_by_fair_group do update set head = least(l.head, excluded.head);
    update stepgres.line_entries as e
    set line_id = l.line_id, weights = n.weights
    from unnest(_file_entries.entries) as n
    -- offset 0 makes the planner look up each line by its index, however many there are
    cross join lateral (
        select o.line_id from stepgres.lines as o
        where (o.fair_group, o.identity) = ((n.line).fair_group, (n.line).identity)
        offset 0
    ) as l
    where n.fault is null
        and e.run_id = any (array[n.run_id])
        and (e.step_slug, e.task_index) = (n.step_slug, n.task_index);
    update stepgres.line_entries as e
    set line_id = 0, fault = n.fault
    from unnest(_file_entries.entries) as n
    where n.fault is not null
        and e.run_id = any (array[n.run_id])
        and (e.step_slug, e.task_index) = (n.step_slug, n.task_index);
end
$$;

comment on function stepgres._file_entries(stepgres._new_entry[]) is
'Puts new entries into their lines; the caller has locked the keys of the lines.';

create function stepgres._needs_of(line stepgres.lines) returns bigint
language sql
stable
return (
    select e.weights[array_position((line).limit_slugs, (line).at_limit)] -- noqa: RF03
    from stepgres.line_entries as e
    where e.line_id = (line).line_id and not e.is_paused -- noqa: RF03
    order by e.entry_id
    limit 1
);

comment on function stepgres._needs_of(stepgres.lines) is
'Returns the weight that the first entry of a line needs where the line stands.

null: all entries have left the line. It is closed when it goes on. No search_path is set, so that
the planner inlines the function.';

create function stepgres._are_lines_in_use() returns boolean
language sql
stable
return exists (select from stepgres.line_entries) or exists (select from stepgres.freed_places);

comment on function stepgres._are_lines_in_use() is
'Says whether anything waits for a limit, or whether a place was freed.

No search_path is set, so that the planner inlines the function.';

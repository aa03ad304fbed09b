create function stepgres._is_limited(version stepgres.workflow_versions) returns boolean
language sql
immutable
return case when (_is_limited.version).on_limit is not null then true end;

comment on function stepgres._is_limited(stepgres.workflow_versions) is
'Returns true if the runs of a version stand in lines; null if not, as runs.is_limited has it.

No search_path is set, so that the planner inlines the function.';

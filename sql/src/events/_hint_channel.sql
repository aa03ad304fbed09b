create function stepgres._hint_channel(workflow_slug text) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select coalesce('stepgres_workflow_' || md5(workflow_slug), 'stepgres_runs') $$;

comment on function stepgres._hint_channel(text) is
'What subscribers to the runs of a workflow, or (null) to all runs, listen on.';

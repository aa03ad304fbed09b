create function stepgres._goal_task_slug(path text) returns text
language sql
immutable
strict
set search_path = pg_catalog, pg_temp
as $$
    -- "design/api" becomes "design__api"; a slug that would be too long ends in a hash of the path
    select case when length(s.slug) <= 128 then s.slug else left(s.slug, 95) || '_' || md5(path) end
    from (select replace(path, '/', '__') as slug) as s
$$;

comment on function stepgres._goal_task_slug(text) is
'Returns the slug of the step that stands for the goal task at this path.';

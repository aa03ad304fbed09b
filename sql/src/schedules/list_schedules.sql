create function stepgres.list_schedules(
    workflow_slug text default null, "limit" int default 100, after text default null
) returns setof stepgres.schedule
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(list_schedules.workflow_slug);
begin
    perform stepgres._not_negative("limit", 'limit');
    return query
    select o.*
    from (
        select s as row from stepgres.schedules as s
        where (v_slug is null or s.workflow_slug = v_slug)
            and s.schedule_slug > coalesce(list_schedules.after, '')
        order by s.schedule_slug limit list_schedules."limit"
    ) as l
    cross join stepgres._shown_schedule(l.row) as o
    order by o.schedule_slug;
end
$$;

comment on function stepgres.list_schedules(text, int, text) is
'Lists schedules by slug: all of them, or those of a workflow.

workflow_slug may be the name of a class. To page, pass the slug of the last row as after. limit
null returns all.

Errors: SG014 a negative limit.';

create function stepgres._list_waits_of(run_id uuid, step_slug text, most int) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(to_jsonb(array_agg(
        to_jsonb(stepgres._shown_wait(l.row)) - '{run_id,workflow_slug,step_slug}'::text[]
        order by (l.row).wait_id
    )), '[]')
    from (
        select w as row from stepgres.waits as w
        where w.run_id = _list_waits_of.run_id and w.step_slug = _list_waits_of.step_slug
        order by w.resolved_at is not null, w.wait_id
        limit most
    ) as l
$$;

comment on function stepgres._list_waits_of(uuid, text, int) is
'Returns at most so many waits of a step of a run, the open ones first: part of get_run.';

create function stepgres._list_progress(run_id uuid, step_slug text, most int) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(to_jsonb(array_agg(
        to_jsonb(l) - '{run_id,step_slug,claim}'::text[] order by l.task_index
    )), '[]')
    from (
        select p.* from stepgres.task_progress as p
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (p.run_id, p.step_slug, p.task_index)
        where p.run_id = _list_progress.run_id and p.step_slug = _list_progress.step_slug
            and t.status = 'started' and t.claim = p.claim
        order by p.task_index
        limit most
    ) as l
$$;

comment on function stepgres._list_progress(uuid, text, int) is
'Returns how far at most so many started tasks of a step have come: part of get_run.';

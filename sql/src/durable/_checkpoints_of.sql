create function stepgres._checkpoints_of(run_id uuid, step_slug text, task_index int)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with page as (
        select c.* from stepgres._list_checkpoints(
            _checkpoints_of.run_id, _checkpoints_of.step_slug, _checkpoints_of.task_index, 0, 262144
        ) as c
    )
    select jsonb_build_object(
        'list', coalesce(to_jsonb(array_agg(jsonb_strip_nulls(to_jsonb(p) - 'output')
            || jsonb_build_object('output', p.output) order by p.place)), '[]'),
        'after', case when exists (
            select from stepgres.checkpoints as c
            where (c.run_id, c.step_slug, c.task_index)
                = (_checkpoints_of.run_id, _checkpoints_of.step_slug, _checkpoints_of.task_index)
                and c.place > (select max(o.place) from page as o)
        ) then max(p.place) end
    )
    from page as p
$$;

comment on function stepgres._checkpoints_of(uuid, text, int) is
'Returns the attribute checkpoints of a claimed task of a durable step.';

create function stepgres._refused_item(task jsonb) returns stepgres.work_item
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select i
    from jsonb_populate_record(null::stepgres.work_item, jsonb_build_object(
        'run_id', task -> 'run_id', 'step_slug', task -> 'step_slug',
        'task_index', task -> 'task_index', 'attempt', task -> 'attempt',
        'claim', task -> 'claim', 'is_refused', true
    )) as i
$$;

comment on function stepgres._refused_item(jsonb) is
'Returns the key of a task that is not leased to its sender any more, as work returns it.';

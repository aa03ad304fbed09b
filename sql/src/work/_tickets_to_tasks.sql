create function stepgres._tickets_to_tasks(tickets jsonb[]) returns stepgres._task_key[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select array_agg((
            (m ->> 'run_id')::uuid, m ->> 'step_slug', (m ->> 'task_index')::int
        )::stepgres._task_key)
        from unnest(tickets) as m
    );
end
$$;

comment on function stepgres._tickets_to_tasks(jsonb[]) is
'Returns the tasks of tickets; PostgreSQL raises an error for a message that is no ticket.';

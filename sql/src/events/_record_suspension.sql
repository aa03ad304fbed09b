create function stepgres._record_suspension() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._record_event((
        case when new.resumed_at is null then 'task_suspended' else 'task_resumed' end,
        new.run_id, null, null, new.step_slug, new.task_index, new.attempt,
        coalesce(new.resumed_at, new.suspended_at), null
    ));
    return null;
end
$$;

comment on function stepgres._record_suspension() is
'Records that a task of a durable step was suspended or resumed (a trigger function).';

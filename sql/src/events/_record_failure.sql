create function stepgres._record_failure() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._record_event((
        'task_failed', new.run_id, null, null, new.step_slug, new.task_index, new.attempt,
        new.failed_at, new.error
    ));
    return null;
end
$$;

comment on function stepgres._record_failure() is
'Records that an attempt has failed (a trigger function).';

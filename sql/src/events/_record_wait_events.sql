create function stepgres._record_wait_events() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_task_index int := case
        when new.name <> '' or new.kind = 'child' then new.task_index
    end;
begin
    if tg_op = 'INSERT' then
        perform stepgres._record_event((
            'wait_opened', new.run_id, null, null, new.step_slug, v_task_index, null,
            new.opened_at, null
        ));
    end if;
    if new.resolved_at is not null and (tg_op = 'INSERT' or old.resolved_at is null) then
        perform stepgres._record_event((
            'wait_resolved', new.run_id, null, null, new.step_slug, v_task_index, null,
            new.resolved_at, new.error
        ));
    end if;
    return null;
end
$$;

comment on function stepgres._record_wait_events() is
'Records that a wait was opened or resolved (a trigger function).';

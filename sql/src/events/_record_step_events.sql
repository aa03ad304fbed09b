create function stepgres._record_step_events() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.started_at is not null and old.started_at is null then
        perform stepgres._record_event((
            'step_started', new.run_id, null, null, new.step_slug, null, null, new.started_at, null
        ));
    end if;
    if new.finished_at is not null and old.finished_at is null then
        perform stepgres._record_event((
            'step_' || new.status, new.run_id, null, null, new.step_slug, null, null,
            new.finished_at, new.error
        ));
    end if;
    return null;
end
$$;

comment on function stepgres._record_step_events() is
'Records the start and the end of a step (a trigger function).';

create function stepgres._record_pause() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._record_event((
        case when new.resumed_at is null then 'workflow_paused' else 'workflow_resumed' end,
        new.run_id, null, null, null, null, null, coalesce(new.resumed_at, new.paused_at), null
    ));
    return null;
end
$$;

comment on function stepgres._record_pause() is
'Records that a run was paused or resumed (a trigger function).';

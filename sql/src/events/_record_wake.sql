create function stepgres._record_wake() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._record_event((
        'workflow_woken', new.run_id, null, null, null, null, null, new.woken_at, null
    ));
    return null;
end
$$;

comment on function stepgres._record_wake() is
'Records that a run was woken (a trigger function).';

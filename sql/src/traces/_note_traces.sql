create function stepgres._note_traces(run_ids uuid[]) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into stepgres.ended_traces (run_id)
    select i.run_id from unnest(_note_traces.run_ids) as i (run_id)
    on conflict on constraint ended_traces_pkey do nothing
$$;

comment on function stepgres._note_traces(uuid[]) is
'Notes traced runs that have ended, for take_ended_traces.';

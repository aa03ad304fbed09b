create function stepgres._note_ends(run_ids uuid[], error text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if run_ids is null then
        return;
    end if;
    insert into stepgres.child_changes as c (change, run_id, reason)
    select 'ended', i, _note_ends.error from unnest(_note_ends.run_ids) as i
    on conflict do nothing;
    perform stepgres._notify_workers();
end
$$;

comment on function stepgres._note_ends(uuid[], text) is
'Notes that awaited runs have ended, for tick, which resolves the waits of their parents.

A run that could not start has an error instead of a row.';

create function stepgres._note_cancellations(run_ids uuid[], reason text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if coalesce(cardinality(run_ids), 0) = 0 then
        return;
    end if;
    insert into stepgres.child_changes as c (change, run_id, reason)
    select 'cancel', i, _note_cancellations.reason
    from unnest(_note_cancellations.run_ids) as i
    on conflict on constraint child_changes_pkey do update set reason = excluded.reason;
    perform stepgres._notify_workers();
end
$$;

comment on function stepgres._note_cancellations(uuid[], text) is
'Notes runs for tick, which cancels them and the runs under them.';

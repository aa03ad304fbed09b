create function stepgres._record_signal() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The sender locks no run. So the event is recorded when the signal is delivered, under the
    -- lock of the run, as all events are.
    if tg_op = 'INSERT' or old.is_new or old.run_id is null then
        perform stepgres._record_event((
            'signal_sent', new.run_id, null, null, null, null, null,
            case when new.key is null then new.sent_at else new.consumed_at end, null
        ));
    end if;
    return null;
end
$$;

comment on function stepgres._record_signal() is
'Records that a run has got a signal (a trigger function).';

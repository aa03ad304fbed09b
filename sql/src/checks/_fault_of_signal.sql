create function stepgres._fault_of(signal stepgres.signals) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when (signal.key is not null) <> (signal.expires_at is not null)
            then 'expires_at is for signals with a key'
        when signal.is_new and signal.wait_id is not null then 'only unread signals are new'
        when signal.wait_id is not null and signal.run_id is null
            then 'a consumed signal has the run that has consumed it'
        when not stepgres._is_signal(signal.signal) then 'not the name of a signal'
    end
$$;

comment on function stepgres._fault_of(stepgres.signals) is
'Returns the rule that a row of signals breaks by itself, or null.';

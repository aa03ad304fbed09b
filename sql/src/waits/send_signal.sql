create function stepgres.send_signal(
    run_id uuid,
    signal text,
    payload jsonb default 'null',
    idempotency_key text default null,
    source text default null
) returns stepgres.sent_signal
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_signal stepgres.signals;
    v_sent stepgres.sent_signal;
    v_run stepgres.runs;
begin
    perform stepgres._check_signal(
        send_signal.signal, send_signal.payload, send_signal.idempotency_key, send_signal.source
    );
    v_signal.run_id := send_signal.run_id;
    v_signal.signal := send_signal.signal;
    v_signal.payload := send_signal.payload;
    v_signal.idempotency_key := send_signal.idempotency_key;
    v_signal.source := send_signal.source;
    -- A webhook that is sent again is no error, also when the run has ended meanwhile.
    v_sent := stepgres._duplicate_of(v_signal);
    if v_sent is not null then
        return v_sent;
    end if;
    v_run := stepgres._find_run(send_signal.run_id);
    if v_run.status <> 'started' then
        perform stepgres._run_is_finished(v_run.run_id, v_run.status);
    elsif (
        select count(*) from (
            select from stepgres.signals as s
            where s.run_id = send_signal.run_id and s.wait_id is null
            limit 1000
        ) as u
    ) = 1000 then
        perform stepgres._too_many_signals(1000, format('run %s', v_run.run_id));
    end if;
    return stepgres._store_signal(v_signal);
end
$$;

comment on function stepgres.send_signal(uuid, text, jsonb, text, text) is
'Sends a signal to a run, in the transaction of the caller: a rollback sends nothing.

The oldest wait of the run for this signal whose match the payload meets gets the payload. A signal
that comes early is kept until a wait opens; a signal is consumed once. The call locks no run, so a
long transaction of a sender holds up no worker. A signal with an idempotency_key that the run has
got before, under the same name, is not sent again: the outcome is duplicate. The limit of unread
signals is exceeded at most by the senders that send at the same time.

Errors: SG003 not the name of a signal, too long an idempotency_key or source; SG005 unknown run;
SG011 the run has ended; SG017 a payload of more than 1,000,000 bytes; SG028 the run has 1,000
unread signals.';

-- Senders insert rows here and lock no run, so the transaction of a sender holds up nobody. The
-- signals are delivered under the lock of the run, by tick or by the transaction that opens a wait.
create table stepgres.signals (
    signal_id bigint primary key generated always as identity,
    run_id uuid,
    signal text not null,
    key text,
    payload jsonb not null,
    idempotency_key text,
    source text,
    sent_by text not null,
    sent_at timestamptz not null,
    expires_at timestamptz,
    is_new boolean not null default true,
    wait_id bigint,
    consumed_at timestamptz,
    constraint signal_has_a_receiver check (run_id is not null or key is not null),
    constraint unread_signal_has_one_receiver check (
        wait_id is not null or (run_id is null) = (key is not null)
    ),
    constraint signal_is_consumed_by_a_wait check ((wait_id is null) = (consumed_at is null))
);

-- Each query has one index that it can use, whatever the planner believes of the table. "+ 0" keeps
-- the primary key from being used, where the planner could not know how many rows it would pass.
create index new_signals on stepgres.signals ((signal_id + 0)) where is_new;
create index unread_signals_by_run on stepgres.signals (run_id, signal, signal_id)
where wait_id is null and run_id is not null;
create index consumed_signals_by_run on stepgres.signals (run_id, signal_id)
where wait_id is not null and run_id is not null;
create index unread_signals_by_key on stepgres.signals (signal, key, signal_id)
where wait_id is null and run_id is null and key is not null;
-- The id of the oldest unread signal bounds their number, without a count.
create index unread_keyed_signals on stepgres.signals ((signal_id + 0))
where wait_id is null and run_id is null and expires_at > '-infinity';
create index unread_signals_by_expiry on stepgres.signals (expires_at)
where wait_id is null and run_id is null and expires_at is not null;
create unique index signals_by_run_and_idempotency_key
on stepgres.signals (run_id, signal, idempotency_key)
where idempotency_key is not null and key is null;
create unique index signals_by_key_and_idempotency_key
on stepgres.signals (signal, key, idempotency_key)
where idempotency_key is not null and key is not null;

comment on table stepgres.signals is
'Holds the signals that were sent to runs, or to whichever run waits under a key.

A signal never changes, except that one wait consumes it. A signal without a wait_id is unread.';
comment on column stepgres.signals.run_id is
'The run that the signal was sent to, or the run that has consumed a signal with a key.';
comment on column stepgres.signals.key is
'The key that the signal was sent to; null: the signal was sent to a run.';
comment on column stepgres.signals.sent_by is
'The login that sent the signal (session_user).';
comment on column stepgres.signals.source is
'What the sender says about itself, such as the name of a webhook.';
comment on column stepgres.signals.expires_at is
'When an unread signal with a key is deleted; a signal to a run is kept as long as the run.';
comment on column stepgres.signals.is_new is
'The signal has not been compared with all open waits since it was committed: tick will do so.';
comment on column stepgres.signals.wait_id is
'The wait that has consumed the signal.';

create type stepgres.sent_signal as (
    signal_id bigint,
    outcome text
);

comment on type stepgres.sent_signal is
'The answer to a sender: sent, or duplicate if a signal with the idempotency_key was sent before.

The signal_id of a duplicate is the id of the first signal.';

create type stepgres.signal as (
    signal_id bigint,
    run_id uuid,
    signal text,
    key text,
    payload jsonb,
    idempotency_key text,
    source text,
    sent_by text,
    sent_at timestamptz,
    expires_at timestamptz,
    wait_id bigint,
    step_slug text,
    consumed_at timestamptz
);

comment on type stepgres.signal is
'A signal as list_signals shows it, with the wait and the step that have consumed the signal.

A signal without a wait_id is unread. sent_by is the login of the sender, source what the sender
says about itself.';

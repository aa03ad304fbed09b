-- A decision is written only under the lock of the run of its wait.
create table stepgres.decisions (
    decision_id bigint primary key generated always as identity,
    wait_id bigint not null,
    run_id uuid not null,
    is_approval boolean not null,
    decided_by text not null,
    login text not null,
    decided_at timestamptz not null,
    comment text,
    payload jsonb not null,
    constraint decider_decides_once unique (wait_id, decided_by, is_approval)
);

create index decisions_by_run on stepgres.decisions (run_id, decision_id);

comment on table stepgres.decisions is
'Holds the decisions on approvals: who approved or rejected, when, and with which words.

A decision never changes. A decision on a paused run counts when the run resumes.';
comment on column stepgres.decisions.is_approval is
'Whether the decider has approved; false: the decider has rejected.';
comment on column stepgres.decisions.decided_by is
'Who has decided, as the caller says; by default the login. Quorum counts different names.';
comment on column stepgres.decisions.login is
'The login that called approve or reject (session_user).';
comment on column stepgres.decisions.payload is
'What the decider has filled in; JSON null for a rejection.';

create type stepgres.approval as (
    wait_id bigint,
    run_id uuid,
    workflow_slug text,
    step_slug text,
    task_index int,
    name text,
    number int,
    title text,
    description text,
    assignees text[], -- noqa: LT01
    form jsonb,
    quorum int,
    input jsonb,
    due_at timestamptz,
    opened_at timestamptz,
    resolved_at timestamptz,
    outcome text,
    decisions jsonb
);

comment on type stepgres.approval is
'An approval as list_approvals shows it; it is open as long as resolved_at is null.

assignees are the names of those who may decide; null: whoever has the right. quorum is the number
of different deciders who must approve. input is the input of a step that is an approval itself; it
is null for an approval in the body of a durable step, which has a name. decisions is an array of
{"approved", "decided_by", "login", "decided_at", "comment", "payload"}. due_at is null without a
timeout, or while the run is paused.';

create table stepgres.retentions (
    workflow_slug text not null references stepgres.workflows on delete cascade,
    subject text not null,
    completed interval,
    failed interval,
    cancelled interval,
    position timestamptz not null default '-infinity',
    begun_at timestamptz not null,
    looks_at timestamptz not null,
    primary key (workflow_slug, subject),
    constraint subject_is_known check (subject in ('runs', 'payloads'))
);

create index retentions_by_looks_at on stepgres.retentions (looks_at);

comment on table stepgres.retentions is
'Says how long tick keeps the ended runs of a workflow: a row for the runs, a row for the payloads.

completed, failed and cancelled are ages, counted from the end of the run; null: they are kept.';
comment on column stepgres.retentions.position is
'All runs that started up to this time were looked at.';
comment on column stepgres.retentions.begun_at is
'When tick began to look from the first run on. A run that was active then is looked at the next
time.';
comment on column stepgres.retentions.looks_at is
'When tick looks at the next runs.';

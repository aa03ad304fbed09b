-- An index on runs would cost every run something. Only runs with a unique_key have a row here.
create table stepgres.unique_runs (
    workflow_slug text not null,
    unique_key text not null,
    is_waiting boolean not null,
    run_id uuid not null,
    is_held boolean not null default false,
    primary key (workflow_slug, unique_key, is_waiting)
);

comment on table stepgres.unique_runs is
'Holds the active runs with a unique_key: for each key one run, and one run that waits behind it.

A row is changed under the lock of its run, and deleted when the run ends. Prune, pause, resume and
fsck change nothing here; a retry and a fork take the key or are refused.';
comment on column stepgres.unique_runs.is_waiting is
'The run was started with debounce and has not begun: a further start replaces its input.
Every run enters here, also a run that does not wait. So a run that begins meets no other one.';
comment on column stepgres.unique_runs.is_held is
'The start of the waiting run is due, and the run before it has not ended.';

create function stepgres.pause_runs(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    after uuid default null,
    dry_run boolean default false,
    batch_size int default 1000
) returns stepgres.run_batch
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch stepgres.run_batch := stepgres._next_batch(
        'pause', pause_runs.status, pause_runs.workflow_slug, stepgres._all_tags(pause_runs.tags, pause_runs.tag), pause_runs.since,
        pause_runs.until, pause_runs.after, pause_runs.batch_size
    );
begin
    if dry_run is not true then
        perform stepgres._lock_runs(v_batch.run_ids);
        v_batch.run_ids := stepgres._pause_runs(v_batch.run_ids);
    end if;
    return v_batch;
end
$$;

comment on function stepgres.pause_runs(
    text, text, text[], timestamptz, timestamptz, text, uuid, boolean, int
) is
'Pauses a batch of the active runs that pass the filters and are not paused, and returns it.

The filters are those of list_workflow_runs, whose workflow_slug may be the name of a class. The runs are taken in the order of their
ids, at most batch_size in a call: while the result says that there are more, call it again with its after and until, each
time in a transaction of its own, so that no lock is held for long. until is the time of the first call where none is given,
so that runs that are started meanwhile are left out. dry_run returns the same and changes nothing.

Errors: SG003 a batch_size below 1, SG014 an unknown status.';

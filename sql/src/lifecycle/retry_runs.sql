create function stepgres.retry_runs(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    after uuid default null,
    dry_run boolean default false,
    batch_size int default 1000,
    skip_completed boolean default true
) returns stepgres.run_batch
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch stepgres.run_batch := stepgres._next_batch(
        'retry', retry_runs.status, retry_runs.workflow_slug, stepgres._all_tags(retry_runs.tags, retry_runs.tag), retry_runs.since,
        retry_runs.until, retry_runs.after, retry_runs.batch_size
    );
begin
    if dry_run is not true then
        -- together with their parents, which the new runs may join: runs are locked in one order
        perform stepgres._lock_runs(array(
            select i from stepgres.runs as r
            cross join unnest(array[r.run_id, r.parent_run_id]) as i
            where r.run_id = any (v_batch.run_ids)
        ));
        v_batch.run_ids := array(
            select r.run_id from stepgres.runs as r
            where r.run_id = any (v_batch.run_ids) and stepgres._is_changeable(r, 'retry')
            order by r.run_id
        );
        perform stepgres._retry_runs(v_batch.run_ids, retry_runs.skip_completed);
    end if;
    return v_batch;
end
$$;

comment on function stepgres.retry_runs(
    text, text, text[], timestamptz, timestamptz, text, uuid, boolean, int, boolean
) is
'Retries a batch of the failed runs that pass the filters and were not retried before, and returns it.

It returns the runs that were retried; retried_from of a new run says which it goes on with. Cancelled runs have failed, too.

The filters are those of list_workflow_runs, whose workflow_slug may be the name of a class. The runs are taken in the order of their
ids, at most batch_size in a call: while the result says that there are more, call it again with its after and until, each
time in a transaction of its own, so that no lock is held for long. until is the time of the first call where none is given,
so that runs that are started meanwhile are left out. dry_run returns the same and changes nothing.

Errors: SG003 a batch_size below 1, SG014 an unknown status.';

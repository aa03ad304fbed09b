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
        'retry', retry_runs.status, retry_runs.workflow_slug,
        stepgres._all_tags(retry_runs.tags, retry_runs.tag),
        retry_runs.since, retry_runs.until, retry_runs.after, retry_runs.batch_size
    );
begin
    if dry_run is not true then
        perform stepgres._lock_retried(v_batch.run_ids);
        v_batch.run_ids := array(
            select r.run_id from stepgres.runs as r
            where r.run_id = any (v_batch.run_ids) and stepgres._is_changeable(r, 'retry')
                -- of several runs with one unique_key, the newest
                and (r.unique_key is null or not exists (
                    select from stepgres.runs as n
                    where n.run_id = any (v_batch.run_ids) and n.run_id > r.run_id
                        and (n.workflow_slug, n.unique_key) = (r.workflow_slug, r.unique_key)
                ))
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
'Retries a batch of the failed runs that pass the filters and were not retried before.

The function returns the batch of the old runs. retried_from of a new run is the old run that the
new run continues. Cancelled runs count as failed. A child run that is the body of a step is passed
over: the retry of its parent retries it. Of several failed runs with the same unique_key one is
retried, and none if an active run has the key.

The filters are the filters of list_workflow_runs; workflow_slug may be the name of a class. A call
takes at most batch_size runs, in the order of their ids. While the result says that there are more,
call the function again with the after and until of the result. Make each call in a transaction of
its own, so that no lock is held for long. The default of until is the time of the first call, so
that the batches leave out runs that start meanwhile. dry_run returns the same and changes nothing.

Errors: SG003 a batch_size below 1, SG014 an unknown status.';

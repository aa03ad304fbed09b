create function stepgres.resume_runs(
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
        'resume', resume_runs.status, resume_runs.workflow_slug,
        stepgres._all_tags(resume_runs.tags, resume_runs.tag),
        resume_runs.since, resume_runs.until, resume_runs.after, resume_runs.batch_size
    );
begin
    if dry_run is not true then
        v_batch.run_ids := stepgres._resume_families(v_batch.run_ids);
    end if;
    return v_batch;
end
$$;

comment on function stepgres.resume_runs(
    text, text, text[], timestamptz, timestamptz, text, uuid, boolean, int
) is
'Resumes a batch of the paused runs that pass the filters, and returns the batch.

The child runs that were paused together with these runs are resumed too, and the returned batch
contains them.

The filters are the filters of list_workflow_runs; workflow_slug may be the name of a class. A call
takes at most batch_size runs, in the order of their ids. While the result says that there are more,
call the function again with the after and until of the result. Make each call in a transaction of
its own, so that no lock is held for long. The default of until is the time of the first call, so
that the batches leave out runs that start meanwhile. dry_run returns the same and changes nothing.

Errors: SG003 a batch_size below 1, SG014 an unknown status.';

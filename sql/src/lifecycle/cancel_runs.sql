create function stepgres.cancel_runs(
    status text default null,
    workflow_slug text default null,
    tags text[] default null,
    since timestamptz default null,
    until timestamptz default null,
    tag text default null,
    after uuid default null,
    dry_run boolean default false,
    batch_size int default 1000,
    reason text default 'User requested cancellation'
) returns stepgres.run_batch
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch stepgres.run_batch := stepgres._next_batch(
        'cancel', cancel_runs.status, cancel_runs.workflow_slug,
        stepgres._all_tags(cancel_runs.tags, cancel_runs.tag),
        cancel_runs.since, cancel_runs.until, cancel_runs.after, cancel_runs.batch_size
    );
    v_family stepgres._family;
begin
    if dry_run then
        v_batch.run_ids := stepgres._list_family(v_batch.run_ids);
        v_batch.run_ids := array(
            select a.run_id from stepgres.active_runs as a
            where a.run_id = any (v_batch.run_ids)
            order by a.run_id
        );
    else
        v_family := stepgres._lock_families(v_batch.run_ids);
        perform stepgres._cancel_families(v_batch.run_ids, v_family, cancel_runs.reason);
        v_batch.run_ids := coalesce(v_family.active, '{}');
    end if;
    return v_batch;
end
$$;

comment on function stepgres.cancel_runs(
    text, text, text[], timestamptz, timestamptz, text, uuid, boolean, int, text
) is
'Cancels a batch of the active runs that pass the filters, and returns the batch.

The child runs of these runs are cancelled too, and the returned batch contains them. If there are
more than 1,000 child runs, tick cancels them soon after, and the batch does not contain them.

The filters are the filters of list_workflow_runs; workflow_slug may be the name of a class. A call
takes at most batch_size runs, in the order of their ids. While the result says that there are more,
call the function again with the after and until of the result. Make each call in a transaction of
its own, so that no lock is held for long. The default of until is the time of the first call, so
that the batches leave out runs that start meanwhile. dry_run returns the same and changes nothing.

Errors: SG003 a batch_size below 1, SG014 an unknown status.';

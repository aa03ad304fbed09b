create function stepgres.claim_tasks(
    worker_id text, capacity int default 1, run_ids uuid[] default null
)
returns setof stepgres.work_item
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select *
    from stepgres.work(claim_tasks.worker_id, '[]', claim_tasks.capacity, claim_tasks.run_ids)
$$;

comment on function stepgres.claim_tasks(text, int, uuid[]) is
'Claims up to capacity tasks for a worker and returns them with their inputs.

work claims tasks and sends results in one call.

Errors: SG006 unknown worker.';

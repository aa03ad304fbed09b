create function stepgres._forget_progress() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- skip locked: a tick holds locks of runs, and must not wait
    delete from stepgres.task_progress as p
    where p.ctid = any (array(
        select o.ctid from stepgres.task_progress as o
        where not exists (
            select from stepgres.tasks as t
            where (t.run_id, t.step_slug, t.task_index) = (o.run_id, o.step_slug, o.task_index)
                and t.status = 'started' and t.claim = o.claim
        )
        limit 10000
        for update skip locked
    ));
end
$$;

comment on function stepgres._forget_progress() is
'Deletes the progress of tasks that are no longer started in the claim of the report.';

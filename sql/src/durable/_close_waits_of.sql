create function stepgres._close_waits_of(tasks stepgres._task_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    update stepgres.waits as w
    set resolved_at = v_now, outcome = 'cancelled', is_new = false
    from unnest(_close_waits_of.tasks) as k
    where (w.run_id, w.step_slug, w.task_index) = (k.run_id, k.step_slug, k.task_index)
        and w.resolved_at is null;
end
$$;

comment on function stepgres._close_waits_of(stepgres._task_key[]) is
'Cancels the open waits of tasks of durable steps that have ended without them.';

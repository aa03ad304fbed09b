create function stepgres.save_checkpoints(
    worker_id text, checkpoints jsonb default '[]', waits jsonb default '[]'
) returns setof stepgres.checkpoint_answer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_operations stepgres._operation[];
    v_leased stepgres._operation[];
    v_other record;
begin
    perform stepgres._worker(save_checkpoints.worker_id);
    v_operations := stepgres._read_operations(
        save_checkpoints.checkpoints, save_checkpoints.waits
    );
    perform stepgres._lock_runs(array(
        select distinct o.run_id from unnest(v_operations) as o
    ));
    -- The lock of the run keeps the lease: a takeover, a cancel and a result need it too.
    v_leased := array(
        select o
        from unnest(v_operations) as o
        join stepgres.tasks as t
            on (t.run_id, t.step_slug, t.task_index) = (o.run_id, o.step_slug, o.task_index)
        where t.status = 'started' and t.claim = o.claim
            and t.worker_id = save_checkpoints.worker_id
        order by o.place
    );
    select o.step_slug, r.workflow_slug into v_other
    from unnest(v_leased) as o
    join stepgres.runs as r on r.run_id = o.run_id
    cross join lateral (
        select def.durable from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, o.step_slug)
        offset 0
    ) as s
    where s.durable is not true
    limit 1;
    if found then
        raise exception 'step "%" of "%" is not durable, and has no checkpoints or waits',
            v_other.step_slug, v_other.workflow_slug
            using errcode = 'SG003', hint = 'Define the step with "durable": true.';
    end if;
    perform stepgres._store_operations(v_leased);

    return query
    select o.run_id, o.step_slug, o.task_index, o.claim, o.name, o.number, w.outcome, w.payload,
        w.error, w.wait_id, w.child_run_id, false
    from unnest(v_leased) as o
    join stepgres.waits as w
        on (w.run_id, w.step_slug, w.task_index, w.name, w.number)
            = (o.run_id, o.step_slug, o.task_index, o.name, o.number)
    where o.wait is not null
    union all
    select distinct o.run_id, o.step_slug, o.task_index, o.claim, null, null::int, null,
        null::jsonb, null, null::bigint, null::uuid, true
    from unnest(v_operations) as o
    where (o.run_id, o.step_slug, o.task_index, o.claim) not in (
        select l.run_id, l.step_slug, l.task_index, l.claim from unnest(v_leased) as l
    );
end
$$;

comment on function stepgres.save_checkpoints(text, jsonb, jsonb) is
'Saves what the bodies of durable steps have done, and opens their waits, for many tasks.

A checkpoint is {"run_id", "step_slug", "task_index", "claim", "name", "number", "output"}; with
"error" and "error_type" instead of "output" the operation failed and the body went on. name and
number are the key of the operation in the task: the first of two results with the same key counts.
A wait has "kind" instead of "output", and by its kind:
"signal": "signal", and optionally "match" (JSON path over the payload), "key", "timeout" (seconds);
"sleep": "seconds", or "until" (a timestamp);
"approval": "title", and optionally "description", "assignees", "form", "quorum", "timeout";
"child": "workflow", "input", and optionally "version": starts a run of the workflow. With
"is_detached", the run goes on when the body ends without its end; else it is cancelled then.
A wait with "is_gathered" wakes the task only when all its gathered waits are resolved, or one of
them failed. A wait that was opened before stays as it is.

Returns a row for each of these waits, with its wait_id and child_run_id, and with its outcome if it
is resolved already; and a row with is_refused for each task that is not leased to the worker in
this claim. The wait for a child that could not start has failed, and has no child_run_id. All is
stored when the call has returned, or nothing.

A body that can do nothing before a wait is resolved ends with the result {"status": "suspended",
"waits_for": [wait_id, ...]} for work, which costs no attempt.

Errors: SG003 malformed, or a task of a step that is not durable; SG006 unknown worker; SG017 a
checkpoint of more than 1 MB; SG030 more than 10,000 checkpoints and waits in a task.';

create function stepgres.delete_flow(workflow_id text, force boolean default false) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(delete_flow.workflow_id);
    v_active uuid[];
    v_finished uuid[];
    v_run_id uuid;
    v_queues text[];
begin
    -- Refuse first: a deletion that is refused anyway must hold up no starts.
    perform stepgres._active_runs_of(v_slug, delete_flow.force);
    -- no key update, because a run that adds goal tasks refers to the workflow while it holds
    -- its own lock, and this function waits for the lock of that run below.
    perform 1 from stepgres.workflows as w where w.workflow_slug = v_slug for no key update;
    if not found then
        perform stepgres._find_version(delete_flow.workflow_id, null);
    end if;
    -- Starts under way end first. Later starts wait, and then find no workflow. The versions that
    -- runs have made for themselves are not locked: nobody starts them, and such a run may be
    -- adding goal tasks to its version.
    perform 1 from stepgres.workflow_versions as w
    where w.workflow_slug = delete_flow.workflow_id and w.version > 0
    order by w.version
    for update;
    -- Repeat until there is no run left. A retry under way has locked the run that it retries, and
    -- the next round sees its new run.
    loop
        v_active := stepgres._active_runs_of(v_slug, delete_flow.force);
        perform stepgres._lock_runs(v_active);
        foreach v_run_id in array v_active loop
            perform stepgres.cancel_workflow_run(
                v_run_id, format('workflow "%s" was deleted', v_slug), force => true
            );
        end loop;
        v_finished := array(
            select r.run_id from stepgres.runs as r
            where r.workflow_slug = v_slug and r.finished_at is not null
            order by r.inserted_at
            limit 10000
        );
        exit when cardinality(v_finished) = 0;
        perform stepgres._lock_runs(v_finished);
        perform stepgres._delete_runs(v_finished);
    end loop;
    v_queues := array(
        select distinct s.queue from stepgres.steps as s where s.workflow_slug = v_slug
    );
    delete from stepgres.prunings as p where p.workflow_slug = v_slug;
    delete from stepgres.workflows as w where w.workflow_slug = v_slug;
    perform stepgres._retire_queues(v_queues);
end
$$;

comment on function stepgres.delete_flow(text, boolean) is
'Deletes a workflow with all its versions, its runs, and the queues that nothing else needs.

With force, the active runs of the workflow are cancelled first, together with their child runs. The
results of tasks that are still executing are refused.

Starting a run of a workflow that is being deleted waits until the deletion ends. A transaction that
has locked runs before, for instance because it has completed a task, gets the error SG002 instead:
the deletion may be waiting for this transaction.

Errors: SG002 unknown workflow, SG015 it has active runs.';

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
    -- what is refused anyway holds up no starts
    perform stepgres._active_runs_of(v_slug, delete_flow.force);
    -- Starts under way end first; later ones wait, and then find no workflow.
    perform pg_advisory_xact_lock(29545, hashtext(v_slug));
    -- no key: a run that adds tasks holds its own lock, which this waits for below, and refers to the workflow
    perform 1 from stepgres.workflows as w where w.workflow_slug = v_slug for no key update;
    if not found then
        perform stepgres._find_version(delete_flow.workflow_id, null);
    end if;
    -- Again until there is none: a retry under way has locked the run that it goes on with, and its new run
    -- is seen in the next round.
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
    v_queues := array(select distinct s.queue from stepgres.steps as s where s.workflow_slug = v_slug);
    delete from stepgres.prunings as p where p.workflow_slug = v_slug;
    delete from stepgres.workflows as w where w.workflow_slug = v_slug;
    perform stepgres._retire_queues(v_queues);
end
$$;

comment on function stepgres.delete_flow(text, boolean) is
'Deletes a workflow with all its versions, its runs, and the queues that nothing else needs.

With force its active runs are cancelled first, and their child runs with them; what is still executing has its result
refused. Who starts a run of it meanwhile waits; a transaction that has locked runs before, since it has completed a task
for instance, gets the error SG002 instead, because the deletion may be waiting for it.

Errors: SG002 unknown workflow, SG015 it has active runs.';

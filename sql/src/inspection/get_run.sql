create function stepgres.get_run(
    run_id uuid, payloads boolean default true, most int default 1000
) returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(get_run.run_id);
    v_fatal stepgres.attempts := stepgres._fatal_attempt(v_run);
    v_failure stepgres.failure_runs;
    v_hidden text[] := case when payloads is false then array['input', 'output'] end;
begin
    if (most >= 0) is not true then
        raise exception 'a run cannot be shown with % attempts', coalesce(most::text, 'null')
            using errcode = 'SG014', hint = 'most is at least 0; the default is 1,000.';
    end if;
    if v_run.on_failure is not null then
        select f.* into v_failure from stepgres.failure_runs as f
        where f.failed_run_id = v_run.run_id;
    end if;
    return to_jsonb(v_run) - '{remaining_ends,executor_id,depth,is_limited}'::text[]
    - coalesce(v_hidden, '{}')
    || jsonb_build_object(
        'deadline', extract(epoch from v_run.deadline),
        'error_type', v_fatal.error_type,
        'traceback', v_fatal.traceback,
        'failure_run_id', v_failure.run_id,
        'on_failure_error', v_failure.error,
        'steps', (
            select to_jsonb(array_agg(
                to_jsonb(t) - '{run_id,is_direct,is_leaf,is_end,feeds_map,remaining_tasks,
                    expanded_tasks,queued_from,skipped_tasks}'::text[]
                - coalesce(v_hidden, '{}')
                || jsonb_build_object(
                    'depends_on', array(
                        select d.depends_on from stepgres.dependencies as d
                        where (d.workflow_slug, d.version, d.step_slug)
                            = (s.workflow_slug, s.version, s.step_slug)
                        order by d.dependency_index
                    ),
                    'workflow', s.child ->> 'workflow',
                    'tasks', (
                        select coalesce(jsonb_object_agg(c.status, c.tasks), '{}')
                        from (
                            select k.status, count(*) as tasks from stepgres.tasks as k
                            where k.run_id = t.run_id and k.step_slug = t.step_slug
                            group by k.status
                        ) as c
                    ),
                    'attempts', stepgres._list_attempts(t.run_id, t.step_slug, most),
                    'waits', stepgres._list_waits_of(t.run_id, t.step_slug, most),
                    'progress', stepgres._list_progress(t.run_id, t.step_slug, most)
                )
                order by s.step_index
            ))
            from stepgres.steps as s
            -- offset 0: the statistics may be older than a run with many steps
            cross join lateral (
                select o.* from stepgres.step_states as o
                where (o.run_id, o.step_slug) = (v_run.run_id, s.step_slug) offset 0
            ) as t
            where (s.workflow_slug, s.version) = (v_run.workflow_slug, v_run.version)
        )
    );
end
$$;

comment on function stepgres.get_run(uuid, boolean, int) is
'Returns a run as one document, with its steps in topological order, their attempts and timings.

The document has the columns of stepgres.workflow_run, and in addition:
"deadline" in seconds; "error_type" and "traceback" of the attempt that failed the run;
"on_failure", the workflow that is started if the run fails; "failure_run_id", the run that was
started (it may be deleted); "on_failure_error", why this run could not be started yet;
"traceparent" of a traced run; and
"steps": [{"step_slug", "depends_on", "workflow" of the child runs, "map", "status", "started_at",
"finished_at", "skip_reason", "error", "output", "initial_tasks", "remaining_deps", "tasks":
{status: number}, "attempts": [{"task_index", "attempt", "status", "worker_id", "started_at",
"finished_at", "error", "error_type", "traceback"}], "waits": [the columns of stepgres.wait without
the run and the step], "progress": [{"task_index", "done", "total", "message", "reported_at"}]}].
progress has the started tasks whose steps have reported it. Each step has at most `most` attempts,
the failed attempts first, at most `most` waits, the open waits first, and the progress of at most
`most` tasks. With payloads false the document has no input and no outputs: see get_payload.

Errors: SG005 unknown run, SG014 a negative number of attempts.';

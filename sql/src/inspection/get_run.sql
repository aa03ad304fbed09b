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
    v_hidden text[] := case when payloads is false then array['input', 'output'] end;
begin
    if (most >= 0) is not true then
        raise exception 'a run cannot be shown with % attempts', coalesce(most::text, 'null')
            using errcode = 'SG014', hint = 'most is at least 0; the default is 1,000.';
    end if;
    return to_jsonb(v_run) - '{remaining_ends,executor_id,depth,is_limited}'::text[]
    - coalesce(v_hidden, '{}')
    || jsonb_build_object(
        'deadline', extract(epoch from v_run.deadline),
        'error_type', v_fatal.error_type,
        'traceback', v_fatal.traceback,
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
                    'waits', stepgres._list_waits_of(t.run_id, t.step_slug, most)
                )
                order by s.step_index
            ))
            from stepgres.steps as s
            join stepgres.step_states as t on t.run_id = v_run.run_id and t.step_slug = s.step_slug
            where (s.workflow_slug, s.version) = (v_run.workflow_slug, v_run.version)
        )
    );
end
$$;

comment on function stepgres.get_run(uuid, boolean, int) is
'Returns a run as one document, with its steps in topological order, their attempts and timings.

The document has the columns of stepgres.workflow_run, and in addition:
"deadline" in seconds; "error_type" and "traceback" of the attempt that failed the run; and
"steps": [{"step_slug", "depends_on", "workflow" of the child runs, "map", "status", "started_at",
"finished_at", "skip_reason", "error", "output", "initial_tasks", "remaining_deps", "tasks":
{status: number}, "attempts": [{"task_index", "attempt", "status", "worker_id", "started_at",
"finished_at", "error", "error_type", "traceback"}], "waits": [the columns of stepgres.wait without
the run and the step]}]. Each step has at most `most` attempts in the document, the failed attempts
first, and at most `most` waits, the open waits first. With payloads false the document has no input
and no outputs: see get_payload.

Errors: SG005 unknown run, SG014 a negative number of attempts.';

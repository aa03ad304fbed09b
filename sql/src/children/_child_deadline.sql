create function stepgres._child_deadline(child stepgres.runs) returns interval
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select least(
        (
            select w.deadline::interval from stepgres.workflow_versions as w
            where (w.workflow_slug, w.version) = (child.workflow_slug, child.version)
        ),
        (
            -- a deadline that has just passed fails the child before it does anything
            select greatest(
                coalesce(t.remaining, stepgres._time_left(t.due_at, stepgres._now())),
                interval '1 microsecond'
            )
            from stepgres.timers as t
            where t.run_id = child.parent_run_id and t.kind = 'run_deadline'
        )
    )
$$;

comment on function stepgres._child_deadline(stepgres.runs) is
'Returns the deadline of a child: that of its workflow, or the time that its parent has left.

The smaller one counts; null: there is neither.';

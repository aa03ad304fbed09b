create function stepgres._shown_wait("wait" stepgres.waits) returns stepgres.wait
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select (
        ("wait").wait_id,
        ("wait").run_id,
        ("wait").workflow_slug,
        ("wait").step_slug,
        ("wait").task_index,
        ("wait").name,
        ("wait").number,
        ("wait").kind,
        ("wait").signal,
        ("wait").match::text,
        ("wait").key,
        ("wait").child_run_id,
        nullif(("wait").due_at, 'infinity'),
        ("wait").opened_at,
        ("wait").resolved_at,
        ("wait").outcome,
        ("wait").payload,
        ("wait").error,
        ("wait").signal_id,
        ("wait").approval
    )::stepgres.wait
$$;

comment on function stepgres._shown_wait(stepgres.waits) is
'Returns a row of the table waits as list_waits shows it.';

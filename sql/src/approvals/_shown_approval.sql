create function stepgres._shown_approval(
    "wait" stepgres.waits, payloads boolean default true
) returns stepgres.approval
language sql
stable
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
        ("wait").approval ->> 'title',
        ("wait").approval ->> 'description',
        case when ("wait").approval ? 'assignees'
            then array(select jsonb_array_elements_text(("wait").approval -> 'assignees')) end,
        ("wait").approval -> 'form',
        (("wait").approval -> 'quorum')::int,
        case when payloads and ("wait").name = '' then (
            select i.input from stepgres._step_inputs as i
            where i.run_id = ("wait").run_id and i.step_slug = ("wait").step_slug
        ) end,
        nullif(("wait").due_at, 'infinity'),
        ("wait").opened_at,
        ("wait").resolved_at,
        ("wait").outcome,
        stepgres._decisions_of(("wait").wait_id, payloads)
    )::stepgres.approval
$$;

comment on function stepgres._shown_approval(stepgres.waits, boolean) is
'Returns the wait of an approval as list_approvals shows it, with payloads or without.';

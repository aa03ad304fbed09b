create function stepgres._record_event(event stepgres.run_event, ends_run boolean default false)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event stepgres.run_event := event;
    v_names text[];
    v_is_recorded boolean;
begin
    if v_event.workflow_slug is null then
        select r.workflow_slug, r.task_graph_id into v_event.workflow_slug, v_event.task_graph_id
        from stepgres.runs as r where r.run_id = v_event.run_id;
    end if;
    select array_agg(distinct s.notified_on), coalesce(bool_or(s.every_change), false)
    into v_names, v_is_recorded
    from (
        select o.notified_on, o.every_change from stepgres.subscribers as o
        where o.run_id = v_event.run_id
        union all
        select o.notified_on, o.every_change from stepgres.subscribers as o
        where o.run_id is null and o.workflow_slug = v_event.workflow_slug
        union all
        select o.notified_on, o.every_change from stepgres.subscribers as o
        where o.run_id is null and o.workflow_slug is null
    ) as s
    where s.every_change or _record_event.ends_run;
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        v_is_recorded := true;  -- see _follow
        v_names := array[
            stepgres._hint_name(v_event.run_id, null),
            stepgres._hint_name(null, v_event.workflow_slug),
            stepgres._hint_name(null, null)
        ];
    end if;
    if v_is_recorded then
        insert into stepgres.recent_events (
            event_type, run_id, workflow_slug, task_graph_id, step_slug, task_index, attempt,
            occurred_at, error
        ) select v_event.*;
    end if;
    -- PostgreSQL delivers equal notifications of a transaction once.
    perform pg_notify(n.name, case
        when n.name = stepgres._hint_name(v_event.run_id, null) and v_event.run_id is not null
            then ''
        else coalesce(v_event.run_id::text, v_event.task_graph_id)
    end)
    from unnest(v_names) as n (name);
end
$$;

comment on function stepgres._record_event(stepgres.run_event, boolean) is
'Records an event for its subscribers, and notifies them at commit.

The end of a run also notifies the subscribers that wait only for the end.';

create function stepgres._tell_of_started(items stepgres.work_item[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if stepgres._are_events_sent() then
        perform stepgres._send_task_events('task_started', array(
            select (i.run_id, i.step_slug, i.task_index)::stepgres._task_key from unnest(_tell_of_started.items) as i
        ));
    end if;
    -- asked here, too: hardly ever is there a subscriber to gather the runs for
    if exists (select from stepgres.subscribers) then
        perform stepgres._hint_subscribers(array(
            select distinct i.run_id from unnest(_tell_of_started.items) as i
        ), have_ended => false);
    end if;
end
$$;

comment on function stepgres._tell_of_started(stepgres.work_item[]) is
'Sends the events of tasks that were claimed, and tells the subscribers of their runs.';

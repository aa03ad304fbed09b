create function stepgres._record_run_start() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event stepgres.run_event;
begin
    if current_setting('stepgres.followed', true) is distinct from 'changes'
        and not exists (select from stepgres.subscribers as s where s.every_change)
    then
        return null;
    end if;
    for v_event in
        select e.event_type, e.run_id, e.workflow_slug, e.task_graph_id, e.step_slug, e.task_index,
            e.attempt, e.occurred_at, e.error
        from stepgres.run_events as e
        where e.run_id = new.run_id
        order by e.occurred_at, e.event_order
    loop
        if not stepgres._is_recorded(v_event, '1:1:') then
            perform stepgres._record_event(v_event);
        end if;
    end loop;
    return null;
end
$$;

comment on function stepgres._record_run_start() is
'Records what has happened in a new run (a trigger function).';

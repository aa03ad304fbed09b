create function stepgres._record_run_start() returns trigger
language plpgsql
volatile
-- a deferred trigger: before PostgreSQL 18 it is executed as the role that commits
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event stepgres.run_event;
    v_run_ids uuid[] := array[new.run_id];
begin
    if current_setting('stepgres.followed', true) is distinct from 'changes'
        and not exists (select from stepgres.subscribers as s where s.every_change)
    then
        return null;
    end if;
    if tg_argv[0] = 'call' then
        v_run_ids := array(
            select r.run_id from stepgres.runs as r
            where (r.workflow_slug, r.inserted_at) = (new.workflow_slug, new.inserted_at)
        );
    end if;
    for v_event in
        select e.event_type, e.run_id, e.workflow_slug, e.task_graph_id, e.step_slug, e.task_index,
            e.attempt, e.occurred_at, e.error
        from unnest(v_run_ids) as i (run_id)
        join stepgres.run_events as e on e.run_id = i.run_id
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
'Records the events of a new run, or (call) of all runs that were started with it; for triggers.';

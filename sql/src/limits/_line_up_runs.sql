create function stepgres._line_up_runs(run_ids uuid[], on_limit text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_id uuid;
begin
    if run_ids is null then
        return;
    end if;
    insert into stepgres.line_entries (run_id, step_slug, task_index)
    select i.run_id, '', 0
    from unnest(_line_up_runs.run_ids) with ordinality as i (run_id, place)
    order by i.place;
    if on_limit = 'reject' then
        perform stepgres._prepare_lines(null, '{}', 0);
        select e.run_id into v_run_id from stepgres.line_entries as e
        where e.run_id = any (_line_up_runs.run_ids) and e.step_slug = '' limit 1;
        if found then
            perform stepgres._limit_reached(v_run_id);
        end if;
    end if;
    perform stepgres._notify_workers();
end
$$;

comment on function stepgres._line_up_runs(uuid[], text) is
'Lets runs of workflows with limits stand in a line, until a timer of kind let_in starts them.

With on_limit = reject it raises SG037 if a run is not let in at once.';

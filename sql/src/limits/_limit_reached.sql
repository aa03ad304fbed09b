create function stepgres._limit_reached(run_id uuid) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_line record;
begin
    select r.workflow_slug, l.at_limit, l.at_key, e.fault into v_line
    from stepgres.line_entries as e
    join stepgres.runs as r on r.run_id = e.run_id
    left join stepgres.lines as l on l.line_id = e.line_id
    where (e.run_id, e.step_slug, e.task_index) = (_limit_reached.run_id, '', 0);
    if v_line.fault is not null then
        raise exception 'a run of workflow "%" cannot start: %', v_line.workflow_slug, v_line.fault
            using errcode = 'SG003', hint = 'Correct the input.';
    end if;
    raise exception 'a run of workflow "%" cannot start: limit "%" has no room%',
        v_line.workflow_slug, v_line.at_limit,
        case when v_line.at_key <> 'null' then ' for ' || v_line.at_key else '' end
        using errcode = 'SG037', hint = 'Start it later, or use on_limit = "queue".';
end
$$;

comment on function stepgres._limit_reached(uuid) is
'Raises the error for a run with on_limit = reject that was not let in at once.';

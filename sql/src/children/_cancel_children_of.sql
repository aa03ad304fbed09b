create function stepgres._cancel_children_of(run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_reason record;
begin
    for v_reason in
        select c.reason, array_agg(r.run_id) as run_ids,
            array_agg(r.run_id) filter (where r.status = 'started') as active
        from stepgres.child_changes as c
        join stepgres.runs as r on r.run_id = c.run_id
        where c.change = 'cancel' and c.run_id = any (_cancel_children_of.run_ids)
        group by c.reason
    loop
        if v_reason.active is not null then
            perform stepgres._cancel_runs(v_reason.active, v_reason.reason);
        end if;
        perform stepgres._note_cancellations(
            stepgres._list_children(v_reason.run_ids), v_reason.reason
        );
    end loop;
    delete from stepgres.child_changes as c
    where c.change = 'cancel' and c.run_id = any (_cancel_children_of.run_ids);
    return cardinality(_cancel_children_of.run_ids);
end
$$;

comment on function stepgres._cancel_children_of(uuid[]) is
'Cancels locked runs that were noted, and notes the runs under them; returns the number of runs.';

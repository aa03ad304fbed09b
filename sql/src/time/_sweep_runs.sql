create function stepgres._sweep_runs() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
begin
    -- read first: a tick that has nothing to do writes nothing, and does not wait for the disk
    if exists (select from stepgres.sweeps as s where s.swept_at > v_now - interval '10 seconds') then
        return 0;
    end if;
    insert into stepgres.sweeps (swept_at) values (v_now)
    on conflict (only_row) do update set swept_at = v_now;
    perform stepgres._forget_events();

    select array_agg(a.run_id) into v_run_ids from (
        select o.run_id from stepgres.active_runs as o
        where o.run_id > coalesce(
            (select s.position from stepgres.sweeps as s), '00000000-0000-0000-0000-000000000000'
        )
        order by o.run_id limit 1000
    ) as a;
    update stepgres.sweeps as s
    set position = case when cardinality(v_run_ids) = 1000 then v_run_ids[1000] end;
    v_run_ids := stepgres._try_lock_runs(v_run_ids);
    return stepgres._replace_tickets(v_run_ids) + stepgres._time_out_tasks(v_run_ids);
end
$$;

comment on function stepgres._sweep_runs() is
'Looks for lost tickets and overdue tasks in the next 1,000 active runs, at most every ten seconds; returns their number.';

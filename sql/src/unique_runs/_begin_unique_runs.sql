create function stepgres._begin_unique_runs(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_held uuid[];
begin
    with due as (
        select u.workflow_slug, u.unique_key, exists (
            select from stepgres.unique_runs as o
            where o.workflow_slug = u.workflow_slug and o.unique_key = u.unique_key
                and not o.is_waiting
        ) as is_held
        from stepgres.runs as r
        join stepgres.unique_runs as u
            on u.workflow_slug = r.workflow_slug and u.unique_key = r.unique_key
                and u.is_waiting and u.run_id = r.run_id
        where r.run_id = any (_begin_unique_runs.run_ids)
    ),
    moved as (
        update stepgres.unique_runs as u set is_waiting = d.is_held, is_held = d.is_held
        from due as d
        where u.workflow_slug = d.workflow_slug and u.unique_key = d.unique_key and u.is_waiting
        returning u.run_id, u.is_held
    )
    select array_agg(m.run_id) into v_held from moved as m where m.is_held;
    -- The end of the run before it notes the run for tick (_free_keys). If this end is under way,
    -- it may not see that the run is held: so tick looks again.
    if v_held is not null then
        perform stepgres._set_start(v_held, interval '10 seconds');
    end if;
end
$$;

comment on function stepgres._begin_unique_runs(uuid[]) is
'Decides whether locked runs with a unique_key begin, whose start is due.

A run whose key another run still has is held: its start moves.';

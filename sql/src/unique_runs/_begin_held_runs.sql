create function stepgres._begin_held_runs() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_noted uuid[] := array(
        select c.run_id from stepgres.child_changes as c
        where c.change = 'begin' order by c.run_id limit 1000
    );
    v_locked uuid[];
begin
    if v_noted = '{}' then
        return;
    end if;
    v_locked := stepgres._try_lock_runs(v_noted);
    perform stepgres._set_start(
        array(
            select u.run_id from stepgres.runs as r
            join stepgres.unique_runs as u
                on u.workflow_slug = r.workflow_slug and u.unique_key = r.unique_key
                    and u.is_waiting and u.run_id = r.run_id and u.is_held
            where r.run_id = any (v_locked)
        ),
        interval '0'
    );
    delete from stepgres.child_changes as c
    where c.change = 'begin' and c.run_id = any (v_noted) and (
        c.run_id = any (v_locked)
        or not exists (select from stepgres.runs as r where r.run_id = c.run_id)
    );
end
$$;

comment on function stepgres._begin_held_runs() is
'Makes the start of the next 1,000 noted runs due, since the runs before them have ended.';

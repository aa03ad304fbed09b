create function stepgres._cancel_children() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_last uuid := '00000000-0000-0000-0000-000000000000'::uuid;
    v_children uuid[];
    v_count int := 0;
begin
    while v_count < 1000 loop
        v_children := array(
            select c.run_id from stepgres.child_changes as c
            where c.change = 'cancel' and c.run_id > v_last order by c.run_id limit 1000
        );
        exit when v_children = '{}';
        v_last := v_children[cardinality(v_children)];
        v_count := v_count + stepgres._move_runs(
            '_cancel_children_of', stepgres._try_lock_runs(v_children)
        );
        delete from stepgres.child_changes as c
        where c.change = 'cancel' and c.run_id = any (v_children)
            and not exists (select from stepgres.runs as r where r.run_id = c.run_id);
    end loop;
    return v_count;
end
$$;

comment on function stepgres._cancel_children() is
'Cancels the next 1,000 runs whose parents have ended, and returns their number.

The runs under them are noted, and follow in this call or the next.';

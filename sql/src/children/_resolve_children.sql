create function stepgres._resolve_children() returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first constant uuid := '00000000-0000-0000-0000-000000000000'::uuid;
    v_last uuid := v_first;
    v_children uuid[];
    v_handled int;
    v_count int := 0;
begin
    -- The end of a child may end its parent, which may be a child too: then there is another turn.
    while v_count < 1000 loop
        v_children := array(
            select c.run_id from stepgres.child_changes as c
            where c.change = 'ended' and c.run_id > v_last order by c.run_id limit 1000
        );
        exit when v_children = '{}';
        perform stepgres._move_runs('_resolve_children_of', stepgres._try_lock_runs(array(
            select distinct w.run_id
            from unnest(v_children) as i (child_run_id)
            cross join lateral (
                select o.run_id from stepgres.waits as o
                where o.child_run_id = i.child_run_id and o.resolved_at is null offset 0
            ) as w
        )));
        delete from stepgres.child_changes as c
        where c.change = 'ended' and c.run_id = any (v_children) and not exists (
            select from stepgres.waits as o
            where o.child_run_id = c.run_id and o.resolved_at is null offset 0
        );
        get diagnostics v_handled = row_count;
        v_count := v_count + v_handled;
        -- The parents of all of these may be locked: then look at the next ones.
        v_last := case when v_handled > 0 then v_first else v_children[cardinality(v_children)] end;
    end loop;
    return v_count;
end
$$;

comment on function stepgres._resolve_children() is
'Resolves the waits for the next 1,000 runs that have ended, and returns the number of these runs.

The runs whose parents other transactions have locked are left for the next tick.';

create function stepgres._pass_turns(admitted stepgres._picked_entry[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_line_ids bigint[] := array(
        select distinct (a.line).line_id from unnest(_pass_turns.admitted) as a
    );
begin
    if admitted is null then
        return;
    end if;
    -- The groups that were served go to the end of the round.
    update stepgres.lines as l
    set turn = g.turn, head = case when l.line_id = any (v_line_ids) then coalesce((
        select e.entry_id from stepgres.line_entries as e
        where e.line_id = l.line_id and not e.is_paused
        order by e.entry_id limit 1
    ), l.head) else l.head end
    from (
        select o.fair_group, nextval('stepgres._turns') as turn
        from (
            select (a.line).fair_group
            from unnest(_pass_turns.admitted) with ordinality as a (
                line, entry_id, run_id, step_slug, task_index, weights, row_id, place
            )
            group by (a.line).fair_group
            order by max(a.place)
        ) as o
    ) as g
    where l.fair_group = g.fair_group;
end
$$;

comment on function stepgres._pass_turns(stepgres._picked_entry[]) is
'Moves the lines of the fair groups that were served to the end of the round.';

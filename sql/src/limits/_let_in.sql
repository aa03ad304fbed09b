create function stepgres._let_in(
    served_by text[], worker stepgres.workers, run_ids uuid[], least_priority int, room int
) returns stepgres._picked_entry[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- the plans are made once a session, perhaps while the tables are empty
set enable_seqscan = off
as $$
declare
    v_passed bigint[] := '{}'::bigint[];
    v_picked stepgres._picked_entry[];
    v_verdict stepgres._verdict;
    v_places stepgres._line_place[];
    v_all stepgres._picked_entry[] := '{}'::stepgres._picked_entry[];
begin
    -- The loop is bounded, so that the results of the worker are committed soon. What is left goes
    -- on in the next turn.
    for i in 1 .. 20 loop
        exit when cardinality(v_all) >= room;
        v_picked := stepgres._pick_entries(
            _let_in.served_by, _let_in.worker, _let_in.run_ids, _let_in.least_priority,
            _let_in.room - cardinality(v_all), v_passed
        );
        exit when v_picked is null;
        v_places := v_places || array(
            select distinct (u.limit_slug, u.key, null)::stepgres._line_place
            from unnest(v_picked) as p
            cross join lateral unnest((p.line).limit_slugs, (p.line).keys) as u (limit_slug, key)
        );
        -- Whoever holds a key does not wait for another one.
        v_passed := v_passed || stepgres._lines_out_of_reach(v_picked);
        v_verdict := stepgres._judge_entries(
            array(
                select p from unnest(v_picked) as p
                where p.entry_id is not null and (p.line).line_id <> all (v_passed)
            ),
            _let_in.room - cardinality(v_all)
        );
        perform stepgres._take_places(v_verdict.admitted);
        perform stepgres._hold_up_lines(v_verdict.held_up);
        v_all := v_all || v_verdict.admitted;
        perform stepgres._close_lines(array(
            select (p.line).line_id from unnest(v_picked) as p
            where (p.line).line_id <> all (v_passed)
        ));
        perform stepgres._pass_turns(v_verdict.admitted);
        if v_verdict.admitted is null and v_verdict.held_up is null then
            -- The entries are locked by others, or their runs have ended.
            v_passed := v_passed || array(
                select distinct (p.line).line_id from unnest(v_picked) as p
            );
        end if;
    end loop;
    perform stepgres._set_openings(v_places);
    return v_all;
end
$$;

comment on function stepgres._let_in(text[], stepgres.workers, uuid[], int, int) is
'Lets tasks or runs in from the lines of some queues, and returns their entries.

The caller has locked the keys of the first lines.';

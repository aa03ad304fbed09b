create function stepgres._complete_runs(ends stepgres._step_key[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_run_ids uuid[];
    v_awaited uuid[];
    v_limited stepgres._task_key[];
    v_unique uuid[];
    v_traced uuid[];
begin
    with finished as (
        select k.run_id, count(*) as ends
        from unnest(_complete_runs.ends) as k group by k.run_id
    ),
    counted as (
        update stepgres.runs as r
        set remaining_ends = r.remaining_ends - f.ends,
            status = case when r.remaining_ends = f.ends then 'completed' else r.status end,
            finished_at = case when r.remaining_ends = f.ends then v_now end,
            paused_at = case when r.remaining_ends <> f.ends then r.paused_at end,
            -- With one leaf step, its output, or null if the step was skipped. With several leaf
            -- steps, an object of their outputs by slug, without the skipped steps.
            output = case when r.remaining_ends = f.ends then (
                select case count(*)
                    when 1 then coalesce((array_agg(t.output))[1], 'null')
                    else coalesce(
                        stepgres._merge_objects(
                            array_agg(jsonb_build_object(t.step_slug, t.output))
                                filter (where t.output is not null)
                        ), '{}'
                    )
                end
                from stepgres.step_states as t
                where t.run_id = r.run_id and t.is_leaf
            ) end
        from finished as f
        where r.run_id = f.run_id and r.status = 'started'
        returning r.run_id, r.status, r.depth, r.is_limited, r.unique_key, r.traceparent
    ),
    ended as (
        delete from stepgres.active_runs as a
        where a.run_id = any (array(
            select c.run_id from counted as c where c.status = 'completed'
        ))
    )
    select array_agg(c.run_id), array_agg(c.run_id) filter (where c.depth is not null),
        array_agg((c.run_id, '', 0)::stepgres._task_key) filter (where c.is_limited),
        array_agg(c.run_id) filter (where c.unique_key is not null),
        array_agg(c.run_id) filter (where c.traceparent is not null)
    into v_run_ids, v_awaited, v_limited, v_unique, v_traced
    from counted as c where c.status = 'completed';
    if v_run_ids is not null then
        if stepgres._is_counting() then
            insert into stepgres.metric_counts (runs_completed) values (cardinality(v_run_ids));
        end if;
        delete from stepgres.timers as t where t.run_id = any (v_run_ids);
        if v_limited is not null then
            perform stepgres._free_places(v_limited);
        end if;
        perform stepgres._send_run_events('workflow_completed', v_run_ids);
        if v_awaited is not null then
            perform stepgres._note_ends(v_awaited, null);
        end if;
        if v_unique is not null then
            perform stepgres._free_keys(v_unique);
        end if;
        if v_traced is not null then
            perform stepgres._note_traces(v_traced);
        end if;
    end if;
end
$$;

comment on function stepgres._complete_runs(stepgres._step_key[]) is
'Counts finished ends down in their runs, and completes the runs without unfinished steps.

A completed run gets its output.';

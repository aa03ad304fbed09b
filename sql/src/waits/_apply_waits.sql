create function stepgres._apply_waits(resolved stepgres.waits[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_failures stepgres._run_failure[];
    v_skips stepgres._skip[];
    v_steps stepgres._step_key[];
    v_outputs jsonb[];
    v_waits bigint[];
    v_skipped stepgres._step_key[];
    v_completed stepgres._step_key[];
    v_ended stepgres._step_key[];
begin
    if resolved is null then
        return null;
    end if;
    select
        array_agg((w.run_id, w.step_slug, format(
            'step "%s" failed: %s', w.step_slug, e.error
        ))::stepgres._run_failure) filter (where w.name = '' and e.error is not null),
        array_agg((
            w.run_id, w.step_slug, w.outcome, o.reason, o.action = 'skip-cascade'
        )::stepgres._skip) filter (where w.name = '' and o.action in ('skip', 'skip-cascade')),
        array_agg((w.run_id, w.step_slug)::stepgres._step_key)
            filter (where w.name = '' and o.output is not null and e.error is null),
        array_agg(o.output) filter (where w.name = '' and o.output is not null and e.error is null),
        array_agg(w.wait_id) filter (where w.name <> '')
    into v_failures, v_skips, v_steps, v_outputs, v_waits
    from unnest(_apply_waits.resolved) as w
    join stepgres.runs as r on r.run_id = w.run_id and r.status = 'started'
    cross join lateral (
        select def.wait, def.feeds_map from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, w.step_slug)
        offset 0
    ) as s
    cross join lateral (
        select a.action,
            coalesce(w.error, case w.kind
                when 'approval' then format(
                    'approval "%s" was not decided within %s s', w.approval ->> 'title',
                    s.wait ->> 'timeout'
                )
                else format(
                    'signal "%s" did not come within %s s', w.signal, s.wait ->> 'timeout'
                )
            end) as reason,
            case a.action
                when 'complete' then w.payload
                when 'continue' then w.payload
                when 'default' then s.wait -> 'default_output'
            end as output
        from (
            select case
                when w.outcome = 'timed_out' then s.wait ->> 'when_timeout'
                when w.outcome = 'rejected' then s.wait ->> 'when_rejected'
                when w.outcome in ('signalled', 'approved', 'completed') then 'complete'
                else 'fail'
            end as action
        ) as a
    ) as o
    cross join lateral (
        select case
            when o.action = 'fail' then o.reason
            when s.feeds_map is not null and jsonb_typeof(o.output) <> 'array'
                then stepgres._no_array(s.feeds_map, w.step_slug, o.output)
        end as error
    ) as e
    where w.kind <> 'child' or w.name <> '';

    -- Failures come first: a run that fails does nothing more.
    perform stepgres._fail_steps(v_failures);
    v_skipped := stepgres._skip_steps(v_skips);
    v_now := stepgres._now();
    with completed as (
        update stepgres.step_states as t
        set status = 'completed', finished_at = v_now, output = k.output
        from rows from (unnest(v_steps), unnest(v_outputs)) as k (run_id, step_slug, output)
        join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
        where t.run_id = k.run_id and t.step_slug = k.step_slug and t.status = 'started'
        returning t.run_id, t.step_slug
    )
    select array_agg((c.run_id, c.step_slug)::stepgres._step_key) into v_completed
    from completed as c;
    perform stepgres._wake_tasks(v_waits);
    v_ended := stepgres._end_child_tasks((
        select array_agg(w) from unnest(_apply_waits.resolved) as w
        where w.kind = 'child' and w.name = ''
    ));
    return v_skipped || v_completed || v_ended;
end
$$;

comment on function stepgres._apply_waits(stepgres.waits[]) is
'Lets the steps and tasks go on whose waits have just been resolved; returns the finished steps.

A step that waits itself is completed with the payload, fails or is skipped. A task whose body is a
child run ends with it. A task that waits in its body is woken.';

create function stepgres._open_step_waits(steps stepgres._step_key[]) returns stepgres._step_key[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_failures stepgres._run_failure[];
    v_waits stepgres._new_wait[];
begin
    select
        array_agg((
            k.run_id, k.step_slug,
            format('step "%s" failed: its key %s finds %s, and a key is a text, a number or a '
                'boolean of at most 256 characters', k.step_slug, s.wait ->> 'key',
                left(coalesce(e.value::text, 'nothing'), 100))
        )::stepgres._run_failure) filter (where s.wait ? 'key' and e.key is null),
        array_agg((
            k.run_id, k.step_slug, 0, '', 1, s.wait ->> 'kind', s.wait ->> 'signal',
            s.wait ->> 'match', e.key, false, null,
            case s.wait ->> 'kind'
                when 'approval' then s.wait - '{kind,timeout,when_timeout,when_rejected,
                    default_output}'::text[]
            end,
            v_now + stepgres._seconds(s.wait -> 'timeout')
        )::stepgres._new_wait order by k.run_id, s.step_index)
            filter (where not s.wait ? 'key' or e.key is not null)
    into v_failures, v_waits
    from unnest(_open_step_waits.steps) as k
    join stepgres.runs as r on r.run_id = k.run_id and r.status = 'started'
    cross join lateral (
        select def.* from stepgres.steps as def
        where (def.workflow_slug, def.version, def.step_slug)
            = (r.workflow_slug, r.version, k.step_slug)
        offset 0
    ) as s
    cross join lateral (
        select f.value, case
            when jsonb_typeof(f.value) in ('string', 'number', 'boolean')
                and length(f.value #>> '{}') between 1 and 256
                then f.value #>> '{}'
        end as key
        from (
            select case when s.wait ? 'key' then stepgres._found_in_input(
                k.run_id, k.step_slug, (s.wait ->> 'key')::jsonpath
            ) end as value
            offset 0
        ) as f
    ) as e;
    perform stepgres._fail_steps(v_failures);
    return stepgres._open_waits(v_waits);
end
$$;

comment on function stepgres._open_step_waits(stepgres._step_key[]) is
'Opens the waits of steps that have just started, and returns the steps that finish at once.';

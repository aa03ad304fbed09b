create function stepgres._simulated_result_of(item stepgres.work_item, outcomes jsonb)
returns stepgres._simulated_result
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_outcome jsonb := coalesce(
        outcomes -> format('%s/%s', item.step_slug, item.task_index),
        outcomes -> item.step_slug, '{}'
    );
    v_seconds float8;
    v_result jsonb := jsonb_build_object(
        'run_id', item.run_id, 'step_slug', item.step_slug, 'task_index', item.task_index,
        'claim', item.claim
    );
begin
    if jsonb_typeof(v_outcome) = 'array' then
        -- the last one stands for all further attempts
        v_outcome := coalesce(v_outcome -> (item.attempt - 1), v_outcome -> -1, '{}');
    end if;
    perform stepgres._check_options(
        v_outcome,
        '{"output": "any", "error": "string", "error_type": "string", "retryable": "boolean",
            "retry_after": "number", "seconds": "number"}',
        format('outcome of step "%s"', item.step_slug)
    );
    v_seconds := greatest(coalesce((v_outcome ->> 'seconds')::float8, 0::float8), 0::float8);
    if v_seconds > extract(epoch from item.timeout) then
        v_seconds := extract(epoch from item.timeout)::float8;
        v_outcome := jsonb_build_object(
            'error', format('TimeoutError: took longer than %s s', v_seconds),
            'error_type', 'TimeoutError'
        );
    end if;
    return (
        stepgres._now() + make_interval(secs => v_seconds),
        v_result || case
            when v_outcome ? 'error' then v_outcome || '{"status": "failed"}'
            else jsonb_build_object('status', 'completed', 'output', coalesce(
                v_outcome -> 'output',
                -- a step whose output a map takes has an array
                (
                    select '[]'::jsonb from stepgres.step_states as t
                    where (t.run_id, t.step_slug) = (item.run_id, item.step_slug)
                        and t.feeds_map is not null
                )
            ))
        end
    )::stepgres._simulated_result;
end
$$;

comment on function stepgres._simulated_result_of(stepgres.work_item, jsonb) is
'Returns the result that a simulated task will have, and when. Raises SG001 for a bad outcome.';

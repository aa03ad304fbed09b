create function stepgres._check_results(results jsonb, argument text default 'results')
returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run_ids uuid[];
    v_is_bad boolean;
begin
    if results = '[]' then
        return null;
    end if;
    -- Good results are only read once more than necessary: a block that writes nothing takes no
    -- transaction id.
    begin
        select array_agg(k.run_id), bool_or(
            k.retry_after not between 0 and 3155760000
            or k.heartbeat_age not between 0 and 3155760000
            or k.run_id is null or k.step_slug is null or k.task_index is null
            or coalesce(k.claim, k.attempt) is null
            or (
                argument = 'results'
                and (
                    k.status in ('completed', 'failed', 'released', 'suspended', 'restarted')
                ) is not true
            )
        ) into v_run_ids, v_is_bad
        from jsonb_to_recordset(results) as k (
            run_id uuid, step_slug text, task_index int, claim int, attempt int, status text,
            retryable boolean, retry_after float8, heartbeat_age float8, waits_for bigint[]
        );
    exception when data_exception then
        v_is_bad := true;
    end;
    if v_is_bad or results is null then
        perform stepgres._refuse_results(_check_results.results, _check_results.argument);
    end if;
    return v_run_ids;
end
$$;

comment on function stepgres._check_results(jsonb, text) is
'Returns the runs of results, or of keys of tasks; raises SG003 if an element is malformed.';

create function stepgres._facts_of_failures(run_ids uuid[]) returns jsonb[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        jsonb_build_object(
            'run_id', r.run_id, 'workflow_slug', r.workflow_slug, 'version', r.version,
            'error', r.error, 'error_type', a.error_type, 'traceback', a.traceback,
            'failed_step', r.failed_step, 'tags', coalesce(r.tags, '{}'),
            'parent_run_id', r.parent_run_id, 'retried_from', r.retried_from,
            'inserted_at', r.inserted_at, 'finished_at', r.finished_at
        ) || case
            -- a large input is not decompressed to be measured
            when r.payloads_deleted_at is not null or pg_column_size(r.input) > 65536
                or octet_length(r.input::text) > 65536 then '{}'
            else jsonb_build_object('input', r.input)
        end
        order by i.place
    )
    from unnest(_facts_of_failures.run_ids) with ordinality as i (run_id, place)
    join stepgres.runs as r on r.run_id = i.run_id
    left join lateral stepgres._fatal_attempt(r) as a on true
$$;

comment on function stepgres._facts_of_failures(uuid[]) is
'Returns what a workflow on_failure gets as its input, for each of these failed runs.

An input of more than 64 KB is left out, so that an error of many runs with large inputs fits into a
statement.';

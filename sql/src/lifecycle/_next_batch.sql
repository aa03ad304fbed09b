create function stepgres._next_batch(
    change text, status text, workflow_slug text, tags text[], since timestamptz, until timestamptz,
    after uuid, batch_size int
) returns stepgres.run_batch
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_batch stepgres.run_batch;
begin
    perform stepgres._check_filter(_next_batch.status);
    if coalesce(batch_size, 0) < 1 then
        raise exception 'a batch cannot have % runs', coalesce(batch_size::text, 'null')
            using errcode = 'SG003',
                hint = 'batch_size is at least 1; the default of 1,000 is good for most calls.';
    end if;
    -- By run_id, in the order in which runs are locked: batches in one transaction keep this order
    -- too. Runs that start meanwhile are left out: otherwise retrying runs that fail at once would
    -- never end.
    v_batch.until := coalesce(_next_batch.until, stepgres._now());
    execute format(
        'select array_agg(l.run_id) from (
             select r.run_id from stepgres.%I as a join stepgres.runs as r on r.run_id = a.run_id
             where ($1 is null or a.run_id > $1) and ($2 is null or a.workflow_slug = $2)
                 and ($3 is null or a.inserted_at >= $3) and a.inserted_at <= $4
                 and ($5 is null or r.status = $5) and ($6 is null or r.tags @> $6)
                 and stepgres._is_changeable(r, $7)
             order by r.run_id
             limit $8
         ) as l',
        case change when 'retry' then 'failed_runs' else 'active_runs' end
    )
    into v_batch.run_ids
    using after, stepgres._slug_of(_next_batch.workflow_slug), since, v_batch.until, status, tags,
        change, batch_size::bigint + 1;
    v_batch.more := coalesce(cardinality(v_batch.run_ids) > batch_size, false);
    v_batch.run_ids := coalesce(v_batch.run_ids[:batch_size], '{}');
    v_batch.after := coalesce(v_batch.run_ids[cardinality(v_batch.run_ids)], _next_batch.after);
    return v_batch;
end
$$;

comment on function stepgres._next_batch(
    text, text, text, text[], timestamptz, timestamptz, uuid, int
) is
'Returns the next runs that a change applies to.

The function is part of cancel_runs, pause_runs, resume_runs and retry_runs.';

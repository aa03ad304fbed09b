create function stepgres.take_ended_traces("limit" int default 100)
returns setof stepgres.run_trace
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._check_limit(take_ended_traces."limit");
    return query
    with found as materialized (
        select o.run_id from stepgres.ended_traces as o
        order by o.run_id
        limit take_ended_traces."limit"
        for update skip locked
    ),
    taken as (
        delete from stepgres.ended_traces as e
        using found as f
        where e.run_id = f.run_id
        returning e.run_id
    )
    select r.run_id, r.workflow_slug, r.version, r.traceparent, r.parent_run_id, r.inserted_at,
        r.finished_at, r.status, r.cancelled_at is not null, r.failed_step, r.error
    from taken as t
    join stepgres.runs as r on r.run_id = t.run_id
    where r.status <> 'started';
end
$$;

comment on function stepgres.take_ended_traces(int) is
'Returns runs that are traced and have ended, each once: the caller makes their spans.

The span of a run is a child of its traceparent, and lasts from started_at to finished_at. Calls at
the same time return different runs. A caller that dies, or rolls back after it has sent its spans,
loses or repeats them.

Errors: SG003 limit is less than 1.';

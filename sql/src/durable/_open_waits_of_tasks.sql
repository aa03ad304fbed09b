create function stepgres._open_waits_of_tasks(operations stepgres._operation[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    insert into stepgres.waits (
        run_id, workflow_slug, step_slug, task_index, name, number, kind, signal, match, key,
        is_gathered, due_at, opened_at
    )
    select o.run_id, r.workflow_slug, o.step_slug, o.task_index, o.name, o.number,
        o.wait ->> 'kind', o.wait ->> 'signal', (o.wait ->> 'match')::jsonpath, o.wait ->> 'key',
        coalesce((o.wait ->> 'is_gathered')::boolean, false),
        coalesce(
            (o.wait ->> 'until')::timestamptz,
            v_now + make_interval(
                secs => (coalesce(o.wait ->> 'seconds', o.wait ->> 'timeout'))::float8
            )
        ), v_now
    from unnest(_open_waits_of_tasks.operations) as o
    join stepgres.runs as r on r.run_id = o.run_id;
end
$$;

comment on function stepgres._open_waits_of_tasks(stepgres._operation[]) is
'Opens the waits of the bodies of durable steps, whose runs the caller has locked.';

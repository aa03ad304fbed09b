create function stepgres._refuse_results(results jsonb, argument text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_result record;
    v_problem text;
begin
    if jsonb_typeof(results) is distinct from 'array' then
        raise exception '% must be a JSON array, not %',
            argument, coalesce(jsonb_typeof(results), 'null')
            using errcode = 'SG003', hint = 'Pass [] when there are none.';
    end if;
    for v_result in
        select r.value, r.ordinality - 1 as place
        from jsonb_array_elements(results) with ordinality as r
    loop
        begin
            select case
                when s.name is not null then format(
                    '%s is out of range: %s seconds are not between 0 and a century',
                    s.name, s.seconds
                )
                when m.missing is not null then format('%s is missing', m.missing)
                when m.status is not null then format(
                    'status must be "completed", "failed" or "released", not %s',
                    left(m.status, 100)
                )
            end into v_problem
            from jsonb_to_record(v_result.value) as k (
                run_id uuid, step_slug text, task_index int, claim int, attempt int,
                retryable boolean, retry_after float8, heartbeat_age float8
            )
            cross join lateral (
                select
                    (
                        select n.name from unnest(
                            array['run_id', 'step_slug', 'task_index', 'claim']
                            || case when argument = 'results' then array['status'] end
                        ) with ordinality as n (name, place)
                        where v_result.value ->> n.name is null
                            and (n.name <> 'claim' or v_result.value ->> 'attempt' is null)
                        order by n.place
                        limit 1
                    ) as missing,
                    case
                        when argument = 'results'
                            and v_result.value ->> 'status'
                                not in ('completed', 'failed', 'released')
                            then (v_result.value -> 'status')::text
                    end as status
            ) as m
            left join lateral (
                values ('retry_after', k.retry_after), ('heartbeat_age', k.heartbeat_age)
            ) as s (name, seconds) on s.seconds not between 0 and 3155760000
            limit 1;
        exception when data_exception then
            v_problem := sqlerrm;
        end;
        if jsonb_typeof(v_result.value) <> 'object' then
            v_problem := format('must be a JSON object, not %s', jsonb_typeof(v_result.value));
        end if;
        if v_problem is not null then
            raise exception '%[%]: %', argument, v_result.place, v_problem
                using errcode = 'SG003',
                    hint = 'Nothing was stored. Correct this element, or send the call without it.';
        end if;
    end loop;
end
$$;

comment on function stepgres._refuse_results(jsonb, text) is
'Raises SG003 for the first malformed element of results, or of keys of tasks.';

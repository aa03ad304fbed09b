create function stepgres._store_limit(
    limit_slug text,
    max_running int,
    rate float8,
    per interval,
    burst int,
    declared jsonb default null
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_constraint text;
begin
    insert into stepgres.limits as l (
        limit_slug, max_running, rate, per, burst, declared, created_at
    )
    values (
        _store_limit.limit_slug, _store_limit.max_running, _store_limit.rate,
        stepgres._in_seconds(_store_limit.per), _store_limit.burst,
        coalesce(_store_limit.declared, '{}'),
        stepgres._now()
    )
    on conflict on constraint limits_pkey do update
    set max_running = excluded.max_running, rate = excluded.rate, per = excluded.per,
        burst = excluded.burst, declared = coalesce(_store_limit.declared, l.declared);
    -- Lines that stand at a key may go on now. Nobody is cut off if the limit is lower now.
    perform stepgres._let_lines_look(_store_limit.limit_slug);
exception when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform stepgres._definition_error(
        v_constraint, format('limit "%s"', left(_store_limit.limit_slug, 128))
    );
end
$$;

comment on function stepgres._store_limit(text, int, float8, interval, int, jsonb) is
'Stores a limit, with a new declaration if there is one, and lets the lines that stand at it look
again. Raises SG001.';

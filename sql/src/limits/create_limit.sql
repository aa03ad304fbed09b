create function stepgres.create_limit(
    limit_slug text,
    max_running int default null,
    rate float8 default null,
    per interval default null,
    burst int default null
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_declared jsonb := jsonb_build_object(
        'max_running', create_limit.max_running, 'rate', create_limit.rate,
        'per', extract(epoch from create_limit.per), 'burst', create_limit.burst
    );
    v_old jsonb;
    v_limit stepgres.limit_status;
begin
    if stepgres._is_slug(create_limit.limit_slug) is not true then
        raise exception '% is no slug of a limit',
            coalesce(quote_literal(left(create_limit.limit_slug, 128)), 'null')
            using errcode = 'SG001',
                hint = 'A slug starts with a letter or "_", and has at most 128 letters, digits '
                    'and "_".';
    end if;
    insert into stepgres.limits (limit_slug, max_running, declared, created_at)
    values (create_limit.limit_slug, 1, '{}', stepgres._now())
    on conflict do nothing;
    v_limit := stepgres._find_limit(create_limit.limit_slug);
    select l.declared into v_old from stepgres.limits as l
    where l.limit_slug = create_limit.limit_slug;
    if v_old = v_declared then
        return create_limit.limit_slug;
    end if;
    -- Only what differs from the last declaration changes: a deploy undoes no edit of an operator.
    -- A rate is one thing with its time and its burst.
    if v_old = '{}' or v_old -> 'max_running' <> v_declared -> 'max_running' then
        v_limit.max_running := create_limit.max_running;
    end if;
    if v_old - 'max_running' <> v_declared - 'max_running' then
        v_limit.rate := create_limit.rate;
        v_limit.per := create_limit.per;
        v_limit.burst := coalesce(
            create_limit.burst, case when create_limit.rate is not null then 1 end
        );
    end if;
    perform stepgres._store_limit(
        v_limit.limit_slug, v_limit.max_running, v_limit.rate, v_limit.per, v_limit.burst,
        v_declared
    );
    return create_limit.limit_slug;
end
$$;

comment on function stepgres.create_limit(text, int, float8, interval, int) is
'Declares a limit, and returns its limit_slug. Steps and workflows name it in their option limits.

Work under a limit has a key, such as a tenant: a text, number or boolean that a JSON path finds in
its input. Each key is limited on its own. Work without a key shares one. max_running is the weight
that runs at a time, over all workers. rate is the weight that starts in the time per, spread
evenly; burst (1 by default) is how much may start at once after a pause. Each piece of work has the
weight 1, or the weight that it names. A weight above max_running or burst counts as the whole of
it.

A task takes its places when a worker claims it, and frees them when it ends, fails, waits, or its
worker is lost. A run keeps its places until it ends. Work that waits is let in by priority, then in
turn among its keys or the values of fair_by, then by arrival. A run lends its place to its tasks
and child runs under the same limit and key, to one at a time.

Declaring a limit again changes only what differs from the last declaration, so a deploy undoes no
update_limit.

Errors: SG001 a bad slug, or an option that is out of range or missing.';

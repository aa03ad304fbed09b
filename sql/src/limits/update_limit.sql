create function stepgres.update_limit(
    limit_slug text,
    max_running int default null,
    rate float8 default null,
    per interval default null,
    burst int default null
) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit stepgres.limit_status := stepgres._find_limit(update_limit.limit_slug);
begin
    v_limit.max_running := coalesce(nullif(update_limit.max_running, 0), case
        when update_limit.max_running is null then v_limit.max_running
    end);
    if rate = 0 then
        v_limit.rate := null;
        v_limit.per := null;
        v_limit.burst := null;
    else
        v_limit.rate := coalesce(update_limit.rate, v_limit.rate);
        v_limit.per := coalesce(update_limit.per, v_limit.per);
        v_limit.burst := coalesce(
            update_limit.burst, v_limit.burst, case when v_limit.rate is not null then 1 end
        );
    end if;
    perform stepgres._store_limit(
        v_limit.limit_slug, v_limit.max_running, v_limit.rate, v_limit.per, v_limit.burst
    );
end
$$;

comment on function stepgres.update_limit(text, int, float8, interval, int) is
'Changes a limit; what is null stays. It is in force at once, and nothing that runs is cut off.

A max_running of 0 removes it, and a rate of 0 removes the rate with its per and burst.

Errors: SG001 an option that is out of range, or a limit that would limit nothing; SG036 unknown
limit.';

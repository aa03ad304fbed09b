create function stepgres._ago(age interval) returns timestamptz
language sql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
    -- A time that no timestamp can hold lies further away than any stored time.
    select case
        when age > interval '36525 days' then '-infinity'
        when age < interval '-36525 days' then 'infinity'
        else stepgres._now() - age
    end
$$;

comment on function stepgres._ago(interval) is
'Returns the time that lies the interval in the past, for any interval.';

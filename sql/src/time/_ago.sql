create function stepgres._ago(age interval) returns timestamptz
language sql
volatile strict
set search_path = pg_catalog, pg_temp
as $$
    -- what no timestamp holds is further away than anything that is stored
    select case
        when age > interval '36525 days' then '-infinity'
        when age < interval '-36525 days' then 'infinity'
        else stepgres._now() - age
    end
$$;

comment on function stepgres._ago(interval) is
'The time so long ago, for any interval.';

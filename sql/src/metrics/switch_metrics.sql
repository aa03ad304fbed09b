create function stepgres.switch_metrics(is_on boolean) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if is_on is null then
        raise exception 'metrics are switched on or off, not null'
            using errcode = 'SG003', hint = 'is_on: true or false.';
    elsif is_on then
        delete from stepgres.switched_off as o where o.part = 'metrics';
    else
        insert into stepgres.switched_off (part) values ('metrics') on conflict do nothing;
    end if;
end
$$;

comment on function stepgres.switch_metrics(boolean) is
'Switches the counters of metrics on or off for the database.

They are on after an install. While they are off, nothing is counted and nothing is written for
them: the counters keep their values. Gauges, such as the depth of a queue, are always current.

Errors: SG003 is_on is null.';

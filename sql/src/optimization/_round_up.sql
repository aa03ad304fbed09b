create function stepgres._round_up(duration interval) returns numeric
language sql
immutable strict
set search_path = pg_catalog, pg_temp
as $$
    select trim_scale(ceil(s.seconds / s.step) * s.step)
    from (
        select e.seconds, 10 ^ (floor(log(e.seconds)) - 1) as step
        from (select extract(epoch from duration) as seconds) as e
    ) as s
$$;

comment on function stepgres._round_up(interval) is
'Returns the seconds of a positive duration, rounded up to two significant digits.

The rounding makes two similar measurements equal.';

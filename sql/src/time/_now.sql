create function stepgres._now() returns timestamptz
language sql
volatile
return clock_timestamp();

comment on function stepgres._now() is
'Returns the time; it is the only clock, and tests replace its body.';

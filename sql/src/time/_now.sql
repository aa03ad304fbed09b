create function stepgres._now() returns timestamptz
language sql
volatile
return case
    when coalesce(current_setting('stepgres.clock', true), '') = '' then clock_timestamp()
    else stepgres._simulated_now()
end;

comment on function stepgres._now() is
'Returns the time; it is the only clock. simulate sets it, and tests replace its body.';

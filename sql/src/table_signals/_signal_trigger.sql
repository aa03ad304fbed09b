create function stepgres._signal_trigger(signal text) returns text
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
    -- the name of a signal may be too long for a trigger
    select 'stepgres_signal_' || left(encode(sha256(convert_to(signal, 'UTF8')), 'hex'), 24)
$$;

comment on function stepgres._signal_trigger(text) is
'Returns how the names of the triggers begin that send a signal for the rows of a table.';

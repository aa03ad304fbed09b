create function stepgres._is_counting() returns boolean
language sql
stable
return coalesce(current_setting('stepgres.counted', true), '') <> 'off';

comment on function stepgres._is_counting() is
'Says whether metrics are on, once this transaction has called _follow.';

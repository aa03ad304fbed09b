create function stepgres._are_events_sent() returns boolean
language sql
stable
return coalesce(current_setting('stepgres.sent', true), '') = 'on';

comment on function stepgres._are_events_sent() is
'Says whether any workflow sends its events to the channel workflow_events, once this transaction
has called _follow.

Callers ask before they gather events, so that without such workflows they gather nothing.';

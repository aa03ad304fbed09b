create function stepgres._are_events_sent() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (select from stepgres.workflow_versions as v where v.events <> 'none')
$$;

comment on function stepgres._are_events_sent() is
'Says whether any workflow sends its events to the channel workflow_events.

Callers ask before they gather events, so that without such workflows they gather nothing.';

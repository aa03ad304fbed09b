create function stepgres.wakeup_name(queue text) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'stepgres_queue_' || wakeup_name.queue
$$;

comment on function stepgres.wakeup_name(text) is
'Returns the name on which PostgreSQL notifies the waiting workers of a queue of new tasks.

A worker listens on the names of its queues, and passes is_waiting to work before it sleeps.';

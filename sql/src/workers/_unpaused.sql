create function stepgres._unpaused(queues text[]) returns text[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(q.queue order by q.place), '{}')
    from unnest(_unpaused.queues) with ordinality as q (queue, place)
    where q.queue not in (select p.queue from stepgres.paused_queues as p)
$$;

comment on function stepgres._unpaused(text[]) is
'Returns the queues that are not paused, in the same order.';

create function stepgres.remove_subscriber(subscriber_id text) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from stepgres.subscribers as s where s.subscriber_id = remove_subscriber.subscriber_id
$$;

comment on function stepgres.remove_subscriber(text) is
'Removes a subscriber that add_subscriber made; an unknown subscriber_id is no error.';

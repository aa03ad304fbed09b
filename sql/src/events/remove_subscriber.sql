create function stepgres.remove_subscriber(subscriber_id text) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from stepgres.subscribers as s where s.subscriber_id = remove_subscriber.subscriber_id
$$;

comment on function stepgres.remove_subscriber(text) is
'Ends what add_subscriber began; once more is no error.';

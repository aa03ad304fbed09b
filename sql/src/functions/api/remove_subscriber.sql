create function stepgres.remove_subscriber(run_id uuid, subscriber_id text) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from stepgres.subscribers as s
    where s.run_id = remove_subscriber.run_id and s.subscriber_id = remove_subscriber.subscriber_id
$$;

comment on function stepgres.remove_subscriber(uuid, text) is
'Ends what add_subscriber began; once more is no error.';

create function stepgres.add_subscriber(
    run_id uuid, subscriber_id text default null, lease interval default '1 minute'
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_subscriber_id text := coalesce(add_subscriber.subscriber_id, gen_random_uuid()::text);
begin
    -- Whoever is about to end the run has looked for subscribers already: wait for that end, so that it
    -- is seen afterwards. Whoever ends it later looks later.
    perform from stepgres.runs as r where r.run_id = add_subscriber.run_id for share;
    insert into stepgres.subscribers as s (run_id, subscriber_id, expires_at)
    values (add_subscriber.run_id, v_subscriber_id, stepgres._now() + add_subscriber.lease)
    on conflict on constraint subscribers_pkey do update set expires_at = excluded.expires_at;
    return v_subscriber_id;
end
$$;

comment on function stepgres.add_subscriber(uuid, text, interval) is
'Asks for a notification when a run ends, on the channel stepgres_run_ and the id without dashes; returns a subscriber_id.

Call it again with that id before the lease is over, or remove_subscriber. Listen first, then subscribe, then look at the
status of the run: so its end is not missed.';

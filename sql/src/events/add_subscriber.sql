create function stepgres.add_subscriber(
    run_id uuid default null,
    subscriber_id text default null,
    lease interval default '1 minute',
    workflow_slug text default null,
    every_change boolean default false,
    after text default null
) returns stepgres.subscription
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_subscription stepgres.subscription;
    v_now timestamptz := stepgres._now();
    v_told pg_snapshot := (stepgres._parse_event_position(add_subscriber.after)).told;
begin
    if (
        add_subscriber.lease > interval '0' and add_subscriber.lease <= interval '1 day'
    ) is not true then
        raise exception 'a lease must be more than 0 seconds and at most a day, not %',
            coalesce(lease::text, 'null')
            using errcode = 'SG003', hint = 'Call add_subscriber again before the lease is over.';
    elsif not length(add_subscriber.subscriber_id) between 1 and 128 then
        raise exception 'a subscriber_id must have 1 to 128 characters'
            using errcode = 'SG003', hint = 'Leave subscriber_id out for a new one.';
    end if;
    perform stepgres._check_subject(add_subscriber.run_id, add_subscriber.workflow_slug);
    v_subscription.subscriber_id := coalesce(add_subscriber.subscriber_id, gen_random_uuid()::text);
    v_subscription.notified_on := stepgres._hint_name(
        add_subscriber.run_id, add_subscriber.workflow_slug
    );
    -- A transaction that is changing the run may have looked for subscribers already: wait for the
    -- transaction, so that its change is visible afterwards. Later transactions find this
    -- subscriber.
    perform from stepgres.runs as r where r.run_id = add_subscriber.run_id for share;
    insert into stepgres.subscribers as s (
        subscriber_id, run_id, workflow_slug, every_change, notified_on, told, told_at, expires_at
    )
    values (
        v_subscription.subscriber_id, add_subscriber.run_id, add_subscriber.workflow_slug,
        coalesce(add_subscriber.every_change, false), v_subscription.notified_on,
        pg_current_snapshot(), v_now, v_now + add_subscriber.lease
    )
    on conflict on constraint subscribers_pkey do update
    set expires_at = excluded.expires_at,
        told = case when stepgres._includes(v_told, s.told) then v_told else s.told end,
        told_at = case
            when v_told::text <> s.told::text and stepgres._includes(v_told, s.told) then v_now
            else s.told_at
        end;
    return v_subscription;
end
$$;

comment on function stepgres.add_subscriber(uuid, text, interval, text, boolean, text) is
'Subscribes to the end of a run, or with every_change to every change of it.

The subscription is for one run, for the runs of a workflow, or (without run_id and workflow_slug)
for all runs. The function returns the subscriber_id and the name on which PostgreSQL notifies. For
several runs the payload of a notification is the run_id. With every_change the payload may also be
the task_graph_id of a goal that has no run yet. Once the call is committed, listen on the name.
Then look at the run, or call catch_up_events, which returns each event exactly once. Do the same
after each notification.

Call the function again with the subscriber_id before the lease is over, or call remove_subscriber.
As after, pass the last position that catch_up_events returned: events before this position need
not be kept for the subscriber.

Errors: SG003 a subscriber_id or lease out of range, both a run_id and a workflow_slug, not a
position.';

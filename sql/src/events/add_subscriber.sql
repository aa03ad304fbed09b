create function stepgres.add_subscriber(
    run_id uuid default null,
    subscriber_id text default null,
    lease interval default '1 minute',
    workflow_slug text default null,
    every_change boolean default false
) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_subscriber_id text := coalesce(add_subscriber.subscriber_id, gen_random_uuid()::text);
    v_problem text := case
        when not length(v_subscriber_id) between 1 and 128 then 'a subscriber_id has 1 to 128 characters'
        when (lease > interval '0' and lease <= interval '1 year') is not true
            then format('a lease is more than 0 seconds and at most a year, not %s', coalesce(lease::text, 'null'))
        when run_id is not null and add_subscriber.workflow_slug is not null
            then 'a subscriber follows one run, or the runs of one workflow, not both'
    end;
begin
    if v_problem is not null then
        raise exception '%', v_problem
            using errcode = 'SG003', hint = 'Leave subscriber_id out for a new one; the lease is 1 minute by default.';
    end if;
    -- Whoever is about to change the run has looked for subscribers already: wait for that, so that it is
    -- seen afterwards. Whoever changes it later looks later.
    perform from stepgres.runs as r where r.run_id = add_subscriber.run_id for share;
    insert into stepgres.subscribers as s (subscriber_id, run_id, workflow_slug, every_change, expires_at)
    values (
        v_subscriber_id, add_subscriber.run_id, add_subscriber.workflow_slug, coalesce(add_subscriber.every_change, false),
        stepgres._now() + add_subscriber.lease
    )
    on conflict on constraint subscribers_pkey do update set expires_at = excluded.expires_at;
    return v_subscriber_id;
end
$$;

comment on function stepgres.add_subscriber(uuid, text, interval, text, boolean) is
'Asks for a notification when a run ends, or with every_change whenever it changes; returns a subscriber_id.

For one run it comes on the channel stepgres_run_ and the id without dashes. For those of a workflow it comes on
stepgres_workflow_ and the md5 of the slug, for all runs (neither run_id nor workflow_slug) on stepgres_runs, both with the
run_id as payload, or with every_change a task_graph_id: then list_goal_events has something new. Call it again with its subscriber_id before the lease is over, or remove_subscriber. Listen first, then
subscribe, then look at the run: so nothing of it is missed. Of many runs a change under way at that moment may be: look
again after a while.

Errors: SG003 a subscriber_id or lease out of range, or both a run_id and a workflow_slug.';

create function stepgres.catch_up_events(
    run_id uuid default null,
    workflow_slug text default null,
    after text default null,
    "limit" int default 1000
) returns setof stepgres.new_event
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_position stepgres._event_position := stepgres._parse_event_position(catch_up_events.after);
    v_limit int := coalesce(catch_up_events."limit", 2147483647);
    v_is_kept boolean;
    v_told pg_snapshot;
begin
    perform stepgres._check_subject(catch_up_events.run_id, catch_up_events.workflow_slug);
    perform stepgres._check_limit(catch_up_events."limit");
    perform stepgres._need_fresh_snapshots();
    if pg_current_xact_id_if_assigned() is not null then
        raise exception 'catch_up_events cannot run in a transaction that has changed something'
            using errcode = 'SG003',
                hint = 'Commit first: the events of a transaction are returned after its commit.';
    end if;
    -- Events after the position are kept if a subscriber has not come further than the position.
    select coalesce(bool_or(stepgres._includes(v_position.told, s.told)), false),
        (array_agg(s.told order by pg_snapshot_xmax(s.told) desc))[1]
    into v_is_kept, v_told
    from stepgres.subscribers as s
    where s.every_change and (s.run_id is null or s.run_id = catch_up_events.run_id)
        and (s.workflow_slug is null or s.workflow_slug = coalesce(catch_up_events.workflow_slug, (
            select r.workflow_slug from stepgres.runs as r where r.run_id = catch_up_events.run_id
        )))
    having count(*) > 0;
    if v_is_kept is null then
        raise exception 'no subscriber with every_change exists for these events'
            using errcode = 'SG003',
                hint = 'Call add_subscriber with every_change, and again before its lease is over.';
    elsif not v_is_kept then
        v_position := stepgres._first_event_position(v_told, v_position.told_at);
    end if;
    if v_position.last_run_id is not null then
        return query select * from stepgres._events_before(
            catch_up_events.run_id, catch_up_events.workflow_slug, v_position, v_limit
        );
        if found then
            return;
        end if;
        v_position := (
            v_position.told, v_position.told_at, null, 0, null, null
        )::stepgres._event_position;
    end if;
    return query select * from stepgres._events_after(
        catch_up_events.run_id, catch_up_events.workflow_slug, v_position, v_limit
    );
end
$$;

comment on function stepgres.catch_up_events(uuid, text, text, int) is
'Returns the events of a run, of a workflow or of all runs and goals, behind a position.

Without run_id and workflow_slug the events are of all runs and goals. A call returns about limit
events, each with the position behind it. Without a position the first events are all past events
of the run, or of the active runs. Call the function again with the position of the last row until
a row has no event_type: there are no more events so far. Then wait for a notification, and go on
from this position.

Each event is returned exactly once, when its transaction is committed. An event of a run comes
after the events of the run that caused it. There must be a subscriber with every_change to the
run, to its workflow or to all runs: see add_subscriber. The events of a pruned run are kept until
the subscribers have got them.

A position is too old if the lease of the subscriber has ended since, or if the subscriber has not
moved on from the position for an hour. Then the function returns the events since the position
that the runs still show, without the events of runs that were pruned meanwhile.

Errors: SG003 not a position, both a run_id and a workflow_slug, a limit below 1, no subscriber, a
transaction that has changed something or does not see what others commit; SG005 unknown run.';

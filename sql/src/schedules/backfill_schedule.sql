create function stepgres.backfill_schedule(
    schedule_slug text, since timestamptz, until timestamptz, dry_run boolean default false
) returns setof stepgres.schedule_run
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schedule stepgres.schedules := stepgres._lock_schedule(backfill_schedule.schedule_slug);
    v_past stepgres.schedules := v_schedule;
    v_due_times timestamptz[];
    v_due_at timestamptz;
begin
    if since is null or until is null or not isfinite(since) then
        raise exception 'a backfill needs since and until'
            using errcode = 'SG003', hint = 'Pass the first and the last due time.';
    end if;
    -- What is not settled yet is for tick. The rule holds for the past too.
    v_past.rule_since := '-infinity';
    v_due_times := stepgres._due_times(
        v_past, greatest(since, 'epoch') - interval '1 microsecond',
        least(
            until, stepgres._now(),
            coalesce(v_schedule.next_due_at - interval '1 microsecond', 'infinity')
        ),
        1001
    );
    if cardinality(v_due_times) > 1000 then
        raise exception 'schedule "%" has more than 1,000 due times from % to %',
            v_schedule.schedule_slug, since, until
            using errcode = 'SG003', hint = 'Backfill shorter times, one after the other.';
    end if;
    foreach v_due_at in array v_due_times loop
        if not exists (
            select from stepgres.schedule_runs as s
            where s.schedule_slug = v_schedule.schedule_slug and s.due_at = v_due_at
                and s.outcome in ('started', 'buffered')
        ) then
            if dry_run then
                return query select v_schedule.schedule_slug, v_due_at, null, 'backfill',
                    null::uuid, null, null::timestamptz;
                continue;
            end if;
            perform stepgres._try_start_due(v_schedule, v_due_at, 'backfill');
            return query
            select o.* from stepgres.schedule_runs as s
            cross join stepgres._shown_schedule_run(s) as o
            where s.schedule_slug = v_schedule.schedule_slug and s.due_at = v_due_at;
        end if;
    end loop;
end
$$;

comment on function stepgres.backfill_schedule(text, timestamptz, timestamptz, boolean) is
'Starts a run for each due time from since to until that has no run, and returns these due times.

The rule as it is now gives the due times, also for times before the schedule was made, but not
before its starts_at or 1970. All runs start at once, whatever overlap says. A due time that has had
a run gets no second one, even if the run has failed or was pruned. Due times that tick has not yet
settled are left to tick. With dry_run, it starts no runs: it returns the due times without outcome.

Errors: SG003 no since or until, or more than 1,000 due times; SG035 unknown schedule.';

create function stepgres._change_schedule(
    schedule stepgres.schedules, changes jsonb, declared jsonb
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_old jsonb := stepgres._schedule_document(_change_schedule.schedule);
    v_document jsonb := v_old || _change_schedule.changes - 'workflow_slug';
    v_rule text[] := '{cron,every,at,timezone,starts_at,ends_at}'::text[];
    v_new stepgres.schedules := _change_schedule.schedule;
    v_read stepgres.schedules;
    v_next_due_at timestamptz;
begin
    v_read := stepgres._read_schedule(
        v_document, format('schedule "%s"', (_change_schedule.schedule).schedule_slug)
    );
    v_document := stepgres._schedule_document(v_read);
    -- What has come due by the old rule is settled by it: the last due time is left to tick.
    if v_new.is_in_force then
        v_new := stepgres._pass_over(
            v_new, case when v_new.paused_at is null then 'missed' else 'paused' end,
            v_new.paused_at is null
        );
    end if;
    v_next_due_at := case when v_new.next_due_at <= v_now then v_new.next_due_at end;
    v_new.cron := v_read.cron;
    v_new.every := v_read.every;
    v_new.at := v_read.at;
    v_new.input := v_read.input;
    v_new.timezone := v_read.timezone;
    v_new.overlap := v_read.overlap;
    v_new.catch_up := v_read.catch_up;
    v_new.jitter := v_read.jitter;
    v_new.starts_at := v_read.starts_at;
    v_new.ends_at := v_read.ends_at;
    v_new.due_key := v_read.due_key;
    v_new.options := v_read.options;
    v_new.workflow_slug := coalesce(changes ->> 'workflow_slug', v_new.workflow_slug);
    v_new.declared := coalesce(_change_schedule.declared, v_new.declared);
    perform stepgres._find_version(
        v_new.workflow_slug, (v_new.options ->> 'version')::numeric::int
    );
    perform stepgres._check_start(stepgres._run_of_schedule(v_new));
    if not v_new.is_in_force or exists (
        select from unnest(v_rule) as r where v_old -> r <> v_document -> r
    ) then
        v_new.rule_since := greatest(v_now, v_new.position, v_next_due_at);
    end if;
    v_new.is_in_force := true;
    v_new := stepgres._moved_on(v_new, v_new.position);
    if v_next_due_at is not null then
        v_new.next_due_at := v_next_due_at;
        v_new.wakes_at := v_next_due_at + stepgres._jitter_of(v_new, v_next_due_at);
    end if;
    perform stepgres._store_schedule(v_new);
end
$$;

comment on function stepgres._change_schedule(stepgres.schedules, jsonb, jsonb) is
'Changes options of a locked schedule, and brings it into force; null: it is declared as before.';

create function stepgres._declare_schedule(schedule stepgres.schedules) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_new stepgres.schedules := _declare_schedule.schedule;
    v_old stepgres.schedules;
    v_changes jsonb;
begin
    perform stepgres._find_version(
        v_new.workflow_slug, (v_new.options ->> 'version')::numeric::int
    );
    perform stepgres._check_start(stepgres._run_of_schedule(v_new));
    v_new.declared := stepgres._schedule_document(v_new)
        || jsonb_build_object('workflow_slug', v_new.workflow_slug);
    v_new.is_in_force := true;
    v_new.created_at := v_now;
    -- An instant that has passed already is made up, as after an outage.
    v_new.rule_since := case when v_new.at is null then v_now else '-infinity' end;
    v_new.position := v_new.rule_since;
    v_new := stepgres._moved_on(v_new, v_new.position);
    insert into stepgres.schedules select v_new.* on conflict do nothing;
    if found then
        return;
    end if;
    v_old := stepgres._lock_schedule(v_new.schedule_slug);
    if v_old.is_of_workflow <> v_new.is_of_workflow then
        raise exception 'schedule "%" exists already', v_new.schedule_slug
            using errcode = 'SG001', hint = case
                when v_old.is_of_workflow
                    then 'It is a part of its workflow: define it there, or change it with '
                        'update_schedule.'
                else 'The schedule of a workflow has its slug: delete the other schedule first.'
            end;
    elsif v_old.declared = v_new.declared and v_old.is_in_force then
        return;
    end if;
    -- Only what differs from the last declaration changes: edits of operators stay. cron, every and
    -- at are one option: an operator may have replaced one by another.
    v_changes := (
        select stepgres._merge_objects(array_agg(jsonb_build_object(d.key, d.value)))
        from jsonb_each(v_new.declared) as d
        where d.value is distinct from v_old.declared -> d.key or (
            d.key in ('cron', 'every', 'at') and exists (
                select from unnest('{cron,every,at}'::text[]) as r
                where v_new.declared -> r is distinct from v_old.declared -> r
            )
        )
    );
    perform stepgres._change_schedule(v_old, coalesce(v_changes, '{}'), v_new.declared);
end
$$;

comment on function stepgres._declare_schedule(stepgres.schedules) is
'Makes a schedule, or changes it where the declaration differs from the last one.

The caller holds a lock of the workflow.';

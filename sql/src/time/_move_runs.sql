create function stepgres._move_runs(mover text, run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_half int := cardinality(run_ids) / 2;
    v_moved int;
    v_error text;
begin
    if run_ids is null or run_ids = '{}' then
        return 0;
    end if;
    begin
        execute format('select stepgres.%I($1)', mover) into v_moved using _move_runs.run_ids;
        return coalesce(v_moved, 0);
    exception when others then
        -- Locks, a full disk, a shutdown: no run is at fault, and the next tick may succeed.
        if stepgres._is_passing(sqlstate) then
            raise;
        end if;
        v_error := sqlerrm;
    end;
    if v_half > 0 then
        return stepgres._move_runs(_move_runs.mover, run_ids[:v_half])
            + stepgres._move_runs(_move_runs.mover, run_ids[v_half + 1:]);
    end if;
    begin
        perform stepgres._fail_runs(array[(
            run_ids[1], null, 'the run cannot go on: ' || v_error
        )::stepgres._run_failure]);
    exception when others then
        -- The run cannot even fail. It stays as it is, and its timers and waits move back, so that
        -- they do not come first at every tick.
        raise warning 'run % cannot be moved: %', run_ids[1], v_error
            using hint = 'fsck() may find the cause. cancel_workflow_run ends the run once the '
                'cause is mended.';
        update stepgres.timers as t set due_at = v_now + interval '1 minute'
        where t.run_id = run_ids[1] and t.due_at <= v_now;
        update stepgres.waits as w set due_at = v_now + interval '1 minute'
        where w.run_id = run_ids[1] and w.resolved_at is null and w.due_at <= v_now;
        update stepgres.waits as w set is_new = false where w.run_id = run_ids[1] and w.is_new;
        update stepgres.signals as s set is_new = false
        where s.is_new and s.signal_id in (
            select c.signal_id from stepgres._signals_to_compare(run_ids[:1], null) as c
        );
        delete from stepgres.child_changes as c
        where (c.change = 'cancel' and c.run_id = run_ids[1])
            or (c.change = 'ended' and c.run_id in (
                select w.child_run_id from stepgres.waits as w
                where w.run_id = run_ids[1] and w.resolved_at is null
            ));
    end;
    return 1;
end
$$;

comment on function stepgres._move_runs(text, uuid[]) is
'Calls a function of this schema for runs, and for parts of them if the call fails.

One run that cannot be moved fails, and keeps no other run back.';

create function stepgres._decide(decision stepgres.decisions) returns stepgres.approval
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_new stepgres.decisions := decision;
    v_wait stepgres.waits := stepgres._find_approval((_decide.decision).wait_id);
    v_misfit text;
    v_last stepgres.decisions;
begin
    v_new.decided_by := coalesce(v_new.decided_by, session_user::text);
    v_new.login := session_user::text;
    if length(v_new.decided_by) not between 1 and 256 or octet_length(v_new.comment) > 10000 then
        raise exception 'decided_by has 1 to 256 characters, and comment at most 10,000 bytes'
            using errcode = 'SG003', hint = 'Write more into the payload, or elsewhere.';
    elsif octet_length(v_new.payload::text) > 1000000 then
        raise exception 'a payload of % bytes is too large for an approval',
            octet_length(v_new.payload::text)
            using errcode = 'SG017',
                hint = 'A payload has up to 1,000,000 bytes as text: '
                    'store the rest elsewhere, and send its key.';
    elsif not (v_wait.approval -> 'assignees') ? v_new.decided_by then
        raise exception '"%" is none of the assignees of approval %',
            v_new.decided_by, v_wait.wait_id
            using errcode = 'SG026', hint = format(
                'decided_by must be one of %s.', v_wait.approval ->> 'assignees'
            );
    end if;
    -- The form of a wait never changes: so this look, which may be long, is taken before the lock.
    v_misfit := case when v_new.is_approval and v_wait.approval ? 'form'
        then stepgres._misfit(v_wait.approval -> 'form', v_new.payload) end;
    if v_misfit is not null then
        raise exception 'the payload does not fit the form of approval %: %',
            v_wait.wait_id, v_misfit
            using errcode = 'SG003', hint = 'list_approvals shows the form; $ is the payload.';
    end if;

    perform stepgres._lock_runs(array[v_wait.run_id]);
    v_wait := stepgres._find_approval(v_wait.wait_id);
    -- In a paused run a decided approval is still open: its decisions count at resume.
    v_last := stepgres._deciding(v_wait);
    if v_wait.resolved_at is not null or v_last.decision_id is not null then
        raise exception 'approval % is decided already: it was %', v_wait.wait_id, case
            when v_last.decision_id is null
                then format('%s at %s', v_wait.outcome, v_wait.resolved_at)
            else format('%s by %s at %s',
                case when v_last.is_approval then 'approved' else 'rejected' end,
                v_last.decided_by, v_last.decided_at)
        end
            using errcode = 'SG034',
                hint = 'Each approval is decided once; list_waits with include_resolved shows it.';
    end if;
    v_new.run_id := v_wait.run_id;
    v_new.decided_at := stepgres._now();
    insert into stepgres.decisions (
        wait_id, run_id, is_approval, decided_by, login, decided_at, comment, payload
    )
    values (
        v_new.wait_id, v_new.run_id, v_new.is_approval, v_new.decided_by, v_new.login,
        v_new.decided_at, v_new.comment, coalesce(v_new.payload, 'null')
    )
    on conflict do nothing;
    perform stepgres._count_decisions(array[v_wait.run_id]);
    return stepgres._shown_approval(stepgres._find_approval(v_wait.wait_id));
end
$$;

comment on function stepgres._decide(stepgres.decisions) is
'Stores a decision on an approval, and lets the run go on if it is the last that was needed.

A decider who approves twice counts once.';

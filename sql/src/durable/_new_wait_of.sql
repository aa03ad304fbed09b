create function stepgres._new_wait_of(operation stepgres._operation) returns stepgres._new_wait
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_wait jsonb := operation.wait;
    v_kind text := v_wait ->> 'kind';
    v_culprit text := format('step "%s", "%s"', operation.step_slug, operation.name);
    v_new stepgres._new_wait;
    v_problem text;
begin
    v_new.run_id := operation.run_id;
    v_new.step_slug := operation.step_slug;
    v_new.task_index := operation.task_index;
    v_new.name := operation.name;
    v_new.number := operation.number;
    v_new.kind := v_kind;
    v_new.is_gathered := coalesce((v_wait ->> 'is_gathered')::boolean, false);
    case v_kind
        when 'sleep' then
            v_new.due_at := case
                when v_wait ? 'until' then (v_wait ->> 'until')::timestamptz
                else v_now + stepgres._seconds(v_wait -> 'seconds')
            end;
            if not coalesce(isfinite(v_new.due_at), false) then
                v_problem := 'a sleep has seconds, or until, a timestamp';
            end if;
        when 'signal' then
            v_new.signal := v_wait ->> 'signal';
            v_new.match := stepgres._json_path(
                v_wait ->> 'match', 'match', v_culprit, array['input']
            );
            v_new.key := v_wait ->> 'key';
            v_new.due_at := v_now + stepgres._seconds(v_wait -> 'timeout');
            v_problem := case
                when stepgres._is_signal(v_new.signal) is not true then format(
                    '%s is not the name of a signal, which has 1 to 128 letters, digits, and '
                    '"_", ".", ":", "-"', coalesce(v_wait -> 'signal', 'null')
                )
                when length(v_new.key) not between 1 and 256 then 'a key has 1 to 256 characters'
            end;
        when 'approval' then
            v_new.approval := stepgres._approval(
                v_wait - '{run_id,step_slug,task_index,claim,name,number,kind,is_gathered,timeout}'
                    ::text[],
                v_culprit
            );
            v_new.due_at := v_now + stepgres._seconds(v_wait -> 'timeout');
        else
            v_problem := format('there are no waits of the kind %s', coalesce(
                v_wait -> 'kind', 'null'
            ));
    end case;
    if jsonb_typeof(v_wait -> 'match') not in ('string', 'null') then
        v_problem := format('match must be a text, not %s', v_wait -> 'match');
    elsif jsonb_typeof(v_wait -> 'timeout') not in ('number', 'null') then
        v_problem := format('timeout must be a number of seconds, not %s', v_wait -> 'timeout');
    end if;
    if v_problem is not null then
        raise exception '%: %', v_culprit, v_problem
            using errcode = 'SG003',
                hint = 'The kinds of waits are signal, approval, sleep and child.';
    end if;
    return v_new;
exception when data_exception then
    raise exception '%: a field of the wait has the wrong type: %', v_culprit, sqlerrm
        using errcode = 'SG003', hint = 'See the comment on stepgres.save_checkpoints.';
end
$$;

comment on function stepgres._new_wait_of(stepgres._operation) is
'Reads a wait of save_checkpoints; each kind has a branch, and for child there is _new_child_of.

Raises SG003, or SG001 for a bad match or approval.';

create function stepgres.reject(wait_id bigint, comment text, decided_by text default null)
returns stepgres.approval
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_decision stepgres.decisions;
begin
    if coalesce(reject.comment, '') = '' then
        raise exception 'approval % cannot be rejected without a comment', reject.wait_id
            using errcode = 'SG003', hint = 'Say why: the comment is in the error of the run.';
    end if;
    v_decision.wait_id := reject.wait_id;
    v_decision.is_approval := false;
    v_decision.decided_by := reject.decided_by;
    v_decision.comment := reject.comment;
    v_decision.payload := 'null';
    return stepgres._decide(v_decision);
end
$$;

comment on function stepgres.reject(bigint, text, text) is
'Rejects what a run waits for, and returns the approval as it is then.

One rejection decides, however many have approved. when_rejected of the step says what happens then.
decided_by is as for approve. In a paused run the rejection is kept, and counts when the run
resumes. The call locks the run.

Errors: SG003 no comment, too long a decided_by or comment; SG026 decided_by is none of the
assignees; SG033 unknown approval; SG034 the approval is decided already, with what was decided.';

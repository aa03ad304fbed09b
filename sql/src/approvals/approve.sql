create function stepgres.approve(
    wait_id bigint,
    payload jsonb default 'null',
    comment text default null,
    decided_by text default null
) returns stepgres.approval
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_decision stepgres.decisions;
begin
    v_decision.wait_id := approve.wait_id;
    v_decision.is_approval := true;
    v_decision.decided_by := approve.decided_by;
    v_decision.comment := approve.comment;
    v_decision.payload := approve.payload;
    return stepgres._decide(v_decision);
end
$$;

comment on function stepgres.approve(bigint, jsonb, text, text) is
'Approves what a run waits for, and returns the approval as it is then.

decided_by says who decides, and is the login by default; the login is stored too. If the approval
has assignees, decided_by must be one of them. The run goes on when as many different deciders have
approved as the quorum says; approving twice counts once. The payload must fit the form. In a paused
run the decision is kept, and counts when the run resumes. The call locks the run.

Errors: SG003 the payload does not fit the form, too long a decided_by or comment; SG017 a payload
of more than 1,000,000 bytes; SG026 decided_by is none of the assignees; SG033 unknown approval;
SG034 the approval is decided already, with what was decided.';

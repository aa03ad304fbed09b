create function stepgres._fault_of(decision stepgres.decisions) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when length(decision.decided_by) not between 1 and 256
            then 'a decision has somebody who has decided'
        when not decision.is_approval and coalesce(decision.comment, '') = ''
            then 'a rejection has a comment'
        when not decision.is_approval and decision.payload <> 'null'
            then 'payload is for approvals'
    end
$$;

comment on function stepgres._fault_of(stepgres.decisions) is
'Returns the rule that a row of decisions breaks by itself, or null.';

create function stepgres._deciding("wait" stepgres.waits) returns stepgres.decisions
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_decision stepgres.decisions;
begin
    -- Each decider has one approval at most. Nothing is stored behind the decision that decides.
    select d.* into v_decision from stepgres.decisions as d
    where d.wait_id = ("wait").wait_id
    order by d.decision_id desc limit 1;
    if v_decision.is_approval and (
        select count(*) from stepgres.decisions as d
        where d.wait_id = ("wait").wait_id and d.is_approval
    ) < (("wait").approval -> 'quorum')::int then
        return null;
    end if;
    return v_decision;
end
$$;

comment on function stepgres._deciding(stepgres.waits) is
'Returns the decision that decides an approval, or null: a rejection, or the last of the quorum.';

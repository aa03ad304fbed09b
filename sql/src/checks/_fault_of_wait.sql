create function stepgres._fault_of("wait" stepgres.waits) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when ("wait").kind not in ('signal', 'approval', 'sleep', 'child') then 'unknown kind'
        when (("wait").resolved_at is null) <> (("wait").outcome is null)
            then 'outcome is for resolved waits'
        when ("wait").outcome not in (
            'signalled', 'approved', 'rejected', 'timed_out', 'completed', 'failed', 'cancelled'
        ) then 'unknown outcome'
        when (("wait").kind = 'signal') <> (("wait").signal is not null)
            then 'signal is for waits for signals'
        when (("wait").kind = 'approval') <> (("wait").approval is not null)
            then 'approval is for approvals'
        when ("wait").outcome in ('approved', 'rejected')
            and (("wait").kind <> 'approval' or ("wait").payload is null)
            then 'approvals alone are approved or rejected, and have a payload then'
        when ("wait").signal is null and (("wait").match is not null or ("wait").key is not null)
            then 'match and key are for waits for signals'
        when ("wait").child_run_id is not null and ("wait").kind <> 'child'
            then 'child_run_id is for waits for child runs'
        when (("wait").outcome = 'signalled')
            and (("wait").signal_id is null or ("wait").payload is null)
            then 'a signalled wait has a signal and a payload'
        when ("wait").outcome is distinct from 'signalled' and ("wait").signal_id is not null
            then 'signal_id is for signalled waits'
        when ("wait").outcome = 'failed' and ("wait").error is null
            then 'a failed wait has an error'
        when ("wait").is_new and ("wait").resolved_at is not null then 'only open waits are new'
        when ("wait").resolved_at is null
            and (("wait").remaining is not null) <> coalesce(("wait").due_at = 'infinity', false)
            then 'a wait stands still at infinity, with the remaining time'
    end
$$;

comment on function stepgres._fault_of(stepgres.waits) is
'Returns the rule that a row of waits breaks by itself, or null.';

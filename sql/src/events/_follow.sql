create function stepgres._follow() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_followed text := '';
    v_has_subscribers boolean;
    v_is_counted boolean;
    v_are_sent boolean;
begin
    select exists (select from stepgres.subscribers),
        not exists (select from stepgres.switched_off as o where o.part = 'metrics'),
        exists (select from stepgres.workflow_versions as v where v.events <> 'none')
    into v_has_subscribers, v_is_counted, v_are_sent;
    if v_is_counted <> stepgres._is_counting() then
        perform set_config('stepgres.counted', case when v_is_counted then '' else 'off' end, true);
    end if;
    if v_are_sent <> stepgres._are_events_sent() then
        perform set_config('stepgres.sent', case when v_are_sent then 'on' else '' end, true);
    end if;
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        -- the snapshot of the transaction does not show later subscribers
        v_followed := 'changes';
    elsif v_has_subscribers then
        v_followed := case
            when exists (select from stepgres.subscribers as s where s.every_change) then 'changes'
            else 'ends'
        end;
    end if;
    if v_followed <> coalesce(current_setting('stepgres.followed', true), '') then
        perform set_config('stepgres.followed', v_followed, true);
    end if;
end
$$;

comment on function stepgres._follow() is
'Tells the triggers of this transaction whether anybody follows changes of runs, or only ends.

It also tells _is_counting whether metrics are on, and _are_events_sent whether a workflow sends its
events. Callers call it when they lock or make runs, before they change them. So a change costs
nothing more if there are no subscribers and no such workflows, and if metrics are off.';

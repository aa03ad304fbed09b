create function stepgres._follow() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_followed text := '';
    v_has_subscribers boolean;
    v_is_counted boolean;
begin
    select exists (select from stepgres.subscribers),
        not exists (select from stepgres.switched_off as o where o.part = 'metrics')
    into v_has_subscribers, v_is_counted;
    if v_is_counted and not stepgres._is_counting() then
        perform set_config('stepgres.counted', 'on', true);
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

It also tells _is_counting whether metrics are on. Callers call it when they lock or make runs,
before they change them. So a change costs nothing more if there are no subscribers, and if metrics
are off.';

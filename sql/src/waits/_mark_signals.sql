create function stepgres._mark_signals(signal_ids bigint[], run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_marked int;
begin
    if signal_ids = '{}' then
        return 0;
    end if;
    -- The sender has locked no run, so the run may have been deleted meanwhile.
    delete from stepgres.signals as s
    where s.signal_id = any (_mark_signals.signal_ids) and s.run_id is not null
        and not exists (select from stepgres.runs as r where r.run_id = s.run_id offset 0);
    -- skip locked: a transaction that has opened a wait may have consumed the signal. If it rolls
    -- back, the signal must still be new.
    update stepgres.signals as s set is_new = false
    where s.is_new and s.signal_id = any (array(
        select n.signal_id from stepgres.signals as n
        where n.signal_id = any (_mark_signals.signal_ids) and n.is_new and case
            when n.run_id is not null then n.run_id = any (_mark_signals.run_ids)
            else not exists (
                select from stepgres.waits as w
                where w.signal = n.signal and w.key = n.key and w.resolved_at is null
                    and w.run_id <> all (_mark_signals.run_ids)
                offset 0
            )
        end
        for no key update skip locked
    ));
    get diagnostics v_marked = row_count;
    return v_marked + (
        select count(*) from unnest(_mark_signals.signal_ids) as i (signal_id)
        left join stepgres.signals as s on s.signal_id = i.signal_id
        where s.wait_id is not null or s.signal_id is null
    )::int;
end
$$;

comment on function stepgres._mark_signals(bigint[], uuid[]) is
'Marks signals of locked runs, and signals with a key that no open wait has, as not new.

Returns how many of the signals are not new any more, with those that were consumed before.';

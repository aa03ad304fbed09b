create function stepgres._mark_signals(signal_ids bigint[], run_ids uuid[]) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
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
                and not exists (
                    select from stepgres.waits as w
                    join stepgres.runs as r on r.run_id = w.run_id
                    where w.run_id = n.run_id and w.signal = n.signal and w.resolved_at is null
                        and r.paused_at is null
                    offset 0
                )
            else n.expires_at <= v_now or not exists (
                select from stepgres.waits as w
                join stepgres.runs as r on r.run_id = w.run_id
                where w.signal = n.signal and w.key = n.key and w.resolved_at is null
                    and (r.paused_at is null or w.run_id <> all (_mark_signals.run_ids))
                offset 0
            )
        end
        for no key update skip locked
    ));
    return (
        select count(*)::int from unnest(_mark_signals.signal_ids) as i (signal_id)
        left join stepgres.signals as s on s.signal_id = i.signal_id
        where s.is_new is not true
    );
end
$$;

comment on function stepgres._mark_signals(bigint[], uuid[]) is
'Marks signals that no open wait of a run that is not paused can take as not new.

run_ids are the runs that the caller has locked. Returns how many of the signals are not new any
more, with those that were compared or consumed before.';

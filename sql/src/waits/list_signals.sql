create function stepgres.list_signals(
    run_id uuid, "limit" int default 1000, after bigint default null
) returns setof stepgres.signal
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(list_signals.run_id);
begin
    perform stepgres._not_negative("limit", 'limit');
    return query
    select s.signal_id, s.run_id, s.signal, s.key, s.payload, s.idempotency_key, s.source,
        s.sent_by, s.sent_at, s.expires_at, s.wait_id, w.step_slug, s.consumed_at
    from (
        (
            select o.* from stepgres.signals as o
            where o.run_id = v_run.run_id and o.wait_id is null
                and o.signal_id > coalesce(list_signals.after, 0)
            order by o.signal_id limit list_signals."limit"
        )
        union all
        (
            select o.* from stepgres.signals as o
            where o.run_id = v_run.run_id and o.wait_id is not null
                and o.signal_id > coalesce(list_signals.after, 0)
            order by o.signal_id limit list_signals."limit"
        )
    ) as s
    left join stepgres.waits as w on w.wait_id = s.wait_id
    order by s.signal_id limit list_signals."limit";
end
$$;

comment on function stepgres.list_signals(uuid, int, bigint) is
'Lists the signals that a run has got, in the order of their ids, and what has become of each.

A signal without a wait_id is unread. A signal that was sent by key is listed once the run has
consumed it. To page, pass the signal_id of the last row as after. limit null returns all.

Errors: SG005 unknown run, SG014 a negative limit.';

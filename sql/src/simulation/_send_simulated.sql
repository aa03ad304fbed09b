create function stepgres._send_simulated(run_ids uuid[], signal jsonb) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step_slug text := coalesce(signal ->> 'approve', signal ->> 'reject');
    v_wait_id bigint;
begin
    if v_step_slug is null then
        if signal ? 'key' then
            perform stepgres.send_signal_by_key(
                _send_simulated.signal ->> 'signal', _send_simulated.signal ->> 'key',
                coalesce(_send_simulated.signal -> 'payload', 'null')
            );
        else
            perform stepgres.send_signal(
                run_ids[1], _send_simulated.signal ->> 'signal',
                coalesce(_send_simulated.signal -> 'payload', 'null')
            );
        end if;
        return;
    end if;
    select w.wait_id into v_wait_id from stepgres.waits as w
    where w.run_id = any (_send_simulated.run_ids) and w.kind = 'approval'
        and w.step_slug = v_step_slug and w.resolved_at is null
    limit 1;
    if not found then
        raise exception 'step "%" waits for no approval % s after the start', v_step_slug,
            coalesce(signal ->> 'after', '0')
            using errcode = 'SG003', hint = 'Decide later, with a larger "after".';
    elsif signal ? 'approve' then
        perform stepgres.approve(
            v_wait_id, coalesce(_send_simulated.signal -> 'payload', 'null'),
            _send_simulated.signal ->> 'comment', _send_simulated.signal ->> 'decided_by'
        );
    else
        perform stepgres.reject(
            v_wait_id, coalesce(_send_simulated.signal ->> 'comment', 'rejected'),
            _send_simulated.signal ->> 'decided_by'
        );
    end if;
end
$$;

comment on function stepgres._send_simulated(uuid[], jsonb) is
'Sends a signal of a simulation, or decides on an approval. The first run is the root.';

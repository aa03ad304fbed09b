create function stepgres._check_simulation(outcomes jsonb, signals jsonb) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_signal jsonb;
begin
    if jsonb_typeof(outcomes) is distinct from 'object' then
        raise exception 'outcomes must be a JSON object, not %', left(outcomes::text, 100)
            using errcode = 'SG001', hint = 'Such as {"charge": {"output": 7, "seconds": 2}}.';
    elsif jsonb_typeof(signals) is distinct from 'array' then
        raise exception 'signals must be a JSON array, not %', left(signals::text, 100)
            using errcode = 'SG001', hint = 'Such as [{"after": 60, "signal": "paid"}].';
    end if;
    for v_signal in select s from jsonb_array_elements(signals) as s loop
        perform stepgres._check_options(
            v_signal,
            '{"after": "number", "signal": "string", "key": "string", "payload": "any",
                "approve": "string", "reject": "string", "comment": "string",
                "decided_by": "string"}',
            'a signal of the simulation'
        );
        if (
            select count(*) from jsonb_object_keys(v_signal) as k
            where k in ('signal', 'approve', 'reject')
        ) <> 1 then
            raise exception 'a signal of the simulation needs one of signal, approve and reject'
                using errcode = 'SG001', hint = 'Such as {"after": 60, "signal": "paid"}.';
        end if;
    end loop;
end
$$;

comment on function stepgres._check_simulation(jsonb, jsonb) is
'Raises SG001 for arguments of simulate that are malformed.';

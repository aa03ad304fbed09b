create function stepgres._check_signal(
    signal text, payload jsonb, idempotency_key text, source text
) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_size int := octet_length(payload::text);
begin
    if stepgres._is_signal(signal) is not true then
        raise exception '% is not the name of a signal', coalesce(quote_literal(signal), 'null')
            using errcode = 'SG003',
                hint = 'A name has 1 to 128 letters, digits, and "_", ".", ":", "-".';
    elsif octet_length(source) > 2000 then
        raise exception 'the source of a signal has at most 2,000 bytes, not %',
            octet_length(source)
            using errcode = 'SG003', hint = 'Pass a short name of the sender.';
    elsif v_size > 1000000 then
        raise exception 'a payload of % bytes is too large for signal "%"', v_size, signal
            using errcode = 'SG017',
                hint = 'A payload has up to 1,000,000 bytes as text: '
                    'store the rest elsewhere, and send its key.';
    end if;
    perform stepgres._check_labels(_check_signal.idempotency_key, null);
end
$$;

comment on function stepgres._check_signal(text, jsonb, text, text) is
'Raises SG003 or SG017 for a signal that cannot be stored.';

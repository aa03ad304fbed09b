create function stepgres._check_labels(idempotency_key text, tags text[]) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_problem text := case
        when octet_length(idempotency_key) > 2000
            then format(
                'an idempotency_key has at most 2,000 bytes, not %s', octet_length(idempotency_key)
            )
        when array_ndims(tags) > 1 then 'the tags of a run are one list, not a list of lists'
        when array_position(tags, null) is not null then 'a tag of a run is null'
        when octet_length(array_to_string(tags, '')) > 2000 then (
            select format('a tag of a run has at most 2,000 bytes, not %s', max(octet_length(t)))
            from unnest(tags) as t
            having max(octet_length(t)) > 2000
        )
    end;
begin
    if v_problem is not null then
        raise exception '%', v_problem
            using errcode = 'SG003',
                hint = 'Pass short texts, or the md5 of a long text: an index holds these values.';
    end if;
end
$$;

comment on function stepgres._check_labels(text, text[]) is
'Raises SG003 for an idempotency_key or tags that no index can hold.';

create function stepgres._decisions_of(wait_id bigint, payloads boolean default true)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(to_jsonb(array_agg(
        jsonb_build_object(
            'approved', d.is_approval,
            'decided_by', d.decided_by,
            'login', d.login,
            'decided_at', d.decided_at,
            'comment', d.comment,
            'payload', case when payloads then d.payload end
        )
        order by d.decision_id
    )), '[]')
    from stepgres.decisions as d
    where d.wait_id = _decisions_of.wait_id
$$;

comment on function stepgres._decisions_of(bigint, boolean) is
'Returns the decisions on an approval as an array, in the order in which they were made.';

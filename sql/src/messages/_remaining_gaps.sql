create function stepgres._remaining_gaps(gaps stepgres._gap[], senders text[], found int8multirange)
returns stepgres._gap[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select array(
        -- if all senders of a gap have ended, only the ids found now are still to be delivered
        select row(
            case when cardinality(r.senders) = 0 then g.ids * _remaining_gaps.found else g.ids end,
            r.senders
        )::stepgres._gap
        from unnest(_remaining_gaps.gaps) as g
        cross join lateral (
            select array(
                select s.sender from unnest(g.senders) as s (sender)
                where s.sender = any (_remaining_gaps.senders)
            ) as senders
        ) as r
    )
$$;

comment on function stepgres._remaining_gaps(stepgres._gap[], text[], int8multirange) is
'Returns the gaps that may still be filled.

senders are the transactions that are sending. found are the ids that were found after the senders
were listed.';

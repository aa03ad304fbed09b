create function stepgres._prepare_lines(
    worker_id text, served_by text[], room int
) returns int
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- the plans are made once a session, perhaps while the tables are empty
set enable_seqscan = off
as $$
declare
    v_now timestamptz := stepgres._now();
    v_simulator text := stepgres._simulator();
    v_new stepgres._new_entry[];
    v_places stepgres._line_place[];
    v_limit_slugs text[];
    v_keys text[];
begin
    if not stepgres._are_lines_in_use() then
        return null;
    end if;
    v_new := stepgres._new_entries();
    with freed as (
        delete from stepgres.freed_places as f
        where f.ctid = any (array(
            select o.ctid from stepgres.freed_places as o
            where v_simulator is null or o.key like '% simulated'
            limit 1000
            for update skip locked
        ))
        returning f.limit_slug, f.key, f.lent_by
    ),
    due as materialized (
        select k.limit_slug, k.key from stepgres.limit_keys as k
        where k.opens_at <= v_now and (v_simulator is null or k.key like '% simulated')
        order by k.opens_at
        limit 1000
    )
    select array_agg((o.limit_slug, o.key, o.lent_by)::stepgres._line_place) into v_places
    from (
        select f.limit_slug, f.key, f.lent_by from freed as f
        union
        select d.limit_slug, d.key, null from due as d
        union
        select d.limit_slug, d.key, l.at_lender
        from due as d
        join stepgres.lines as l on (l.at_limit, l.at_key) = (d.limit_slug, d.key)
        where l.at_lender is not null
    ) as o;
    select array_agg(k.limit_slug), array_agg(k.key) into v_limit_slugs, v_keys
    from (
        select u.limit_slug, u.key
        from unnest(v_new) as n
        cross join lateral unnest((n.line).limit_slugs, (n.line).keys) as u (limit_slug, key)
        union
        select p.limit_slug, p.key from unnest(v_places) as p
        union
        -- Lines of runs, too: the sweep may have deleted a key while its line was being made.
        select u.limit_slug, u.key
        from unnest(_prepare_lines.served_by || stepgres._run_lines()) as q (served_by)
        cross join lateral (
            select o.limit_slugs, o.keys from stepgres.lines as o
            where (o.at_limit, o.at_key, o.served_by) = ('', '', q.served_by)
            order by o.priority desc, o.turn, o.head
            limit case q.served_by when stepgres._run_lines() then 1000 else room end
        ) as l
        cross join lateral unnest(l.limit_slugs, l.keys) as u (limit_slug, key)
    ) as k;
    if v_keys is not null then
        perform stepgres._lock_keys(v_limit_slugs, v_keys);
    end if;
    perform stepgres._file_entries(v_new);
    perform stepgres._open_lines(v_places);
    perform stepgres._set_openings(v_places);
    if exists (
        select from stepgres.lines as l
        where (l.at_limit, l.at_key, l.served_by) = ('', '', stepgres._run_lines())
    ) then
        perform stepgres._let_runs_in();
    end if;
    -- A place that was freed for one run may have gone to another one.
    perform stepgres._cancel_oldest(v_places);
    if v_new is not null or v_places is not null then
        perform stepgres._call_servers(_prepare_lines.worker_id);
    end if;
    return stepgres._highest_priority(_prepare_lines.served_by, 100);
end
$$;

comment on function stepgres._prepare_lines(text, text[], int) is
'Files new entries into their lines, lets lines go on that have room again, and lets runs in.

Returns the highest priority of the lines of the queues that may go on; null if there is none. It
locks the keys of all these lines, and waits for other holders of them.';

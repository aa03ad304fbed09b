create function stepgres.list_waits(
    run_id uuid default null,
    kind text default null,
    workflow_slug text default null,
    "limit" int default 100,
    after bigint default null,
    include_resolved boolean default false
) returns setof stepgres.wait
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(list_waits.workflow_slug);
    v_after bigint := coalesce(list_waits.after, 0);
    v_kinds text[] := '{signal,approval,sleep,child}'::text[];
    v_run stepgres.runs;
begin
    perform stepgres._not_negative("limit", 'limit');
    if list_waits.kind <> all (v_kinds) then
        raise exception 'waits cannot be listed with kind "%"', kind
            using errcode = 'SG014', hint = 'kind: signal, approval, sleep or child.';
    elsif include_resolved and list_waits.run_id is null then
        raise exception 'resolved waits are listed for one run'
            using errcode = 'SG014', hint = 'Pass the run_id, or leave include_resolved out.';
    end if;
    if list_waits.run_id is not null then
        v_run := stepgres._find_run(list_waits.run_id);
        return query
        select s.*
        from (
            select w as row from stepgres.waits as w
            where w.run_id = v_run.run_id and w.resolved_at is null and w.wait_id > v_after
            union all
            select w from stepgres.waits as w
            where list_waits.include_resolved and w.run_id = v_run.run_id
                and w.resolved_at is not null and w.wait_id > v_after
        ) as l
        cross join stepgres._shown_wait(l.row) as s
        where s.kind = coalesce(list_waits.kind, s.kind)
            and s.workflow_slug = coalesce(v_slug, s.workflow_slug)
        order by s.wait_id limit list_waits."limit";
        return;
    end if;
    -- Of each kind the first waits are read, and no others: an index has them in order.
    return query
    select s.*
    from unnest(v_kinds) as k (kind)
    cross join lateral (
        select w as row from stepgres.waits as w
        where v_slug is null and w.kind = k.kind and w.resolved_at is null
            and w.wait_id + 0 > v_after
        order by w.wait_id + 0 limit list_waits."limit"
    ) as l
    cross join stepgres._shown_wait(l.row) as s
    where k.kind = coalesce(list_waits.kind, k.kind)
    union all
    select s.*
    from unnest(v_kinds) as k (kind)
    cross join lateral (
        select w as row from stepgres.waits as w
        where v_slug is not null and w.workflow_slug = v_slug and w.kind = k.kind
            and w.resolved_at is null and w.wait_id - 0 > v_after
        order by w.wait_id - 0 limit list_waits."limit"
    ) as l
    cross join stepgres._shown_wait(l.row) as s
    where k.kind = coalesce(list_waits.kind, k.kind)
    order by wait_id limit list_waits."limit";
end
$$;

comment on function stepgres.list_waits(uuid, text, text, int, bigint, boolean) is
'Lists what runs wait for: the open waits of a run, of a workflow or of all runs, the oldest first.

kind is signal, approval, sleep or child. workflow_slug may be the name of a class. To page, pass
the wait_id of the last row as after. limit null returns all. With include_resolved the waits of a
run that have been resolved are listed too.

Errors: SG005 unknown run; SG014 an unknown kind, a negative limit, include_resolved without a
run_id.';

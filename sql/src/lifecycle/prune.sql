create function stepgres.prune(
    older_than interval, batch_size int default 1000, workflow_slug text default null
)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before timestamptz := stepgres._ago(prune.older_than);
    v_slug text := stepgres._slug_of(prune.workflow_slug);
    v_runs stepgres._old_run[];
begin
    if v_before is null or older_than < interval '0' or batch_size is null or batch_size < 1 then
        raise exception 'prune needs an age of at least 0 and a batch_size of at least 1'
            using errcode = 'SG003',
                hint = 'prune(''30 days'') deletes up to 1,000 runs: call it until it returns 0.';
    end if;
    -- Continue where the last call stopped, and only then at the beginning: so not every call
    -- passes over old runs that do not end. A run is inserted before it finishes, so the index ends
    -- the search at the age. skip locked: a transaction that retries a run must read the run first.
    v_runs := array(
        select (l.run_id, w.workflow_slug, l.inserted_at, p.part)::stepgres._old_run
        from stepgres.workflows as w
        cross join lateral (
            select coalesce(
                (
                    select s.position from stepgres.prunings as s
                    where s.workflow_slug = w.workflow_slug
                ),
                '-infinity'
            ) as position
        ) as s
        cross join lateral (values (1, s.position, 'infinity'), (2, '-infinity', s.position))
            as p (part, since, until)
        cross join lateral (
            select r.run_id, r.inserted_at from stepgres.runs as r
            where r.workflow_slug = w.workflow_slug and r.inserted_at >= p.since
                and r.inserted_at < p.until
                and r.inserted_at <= v_before and r.finished_at <= v_before
                and (r.depth is null or not exists (
                    select from stepgres.active_runs as a where a.run_id = r.parent_run_id
                ))
                and (r.on_failure is null or not exists (
                    select from stepgres.failure_runs as f
                    where f.failed_run_id = r.run_id and f.due_at is not null and f.error is null
                ))
            order by r.inserted_at
            limit prune.batch_size
            for update skip locked
        ) as l
        where v_slug is null or w.workflow_slug = v_slug
        limit prune.batch_size
    );
    perform stepgres._delete_runs(array(select r.run_id from unnest(v_runs) as r));
    -- only one of several concurrent calls records its position, so that no call waits for another
    insert into stepgres.prunings (workflow_slug, position)
    select distinct on (r.workflow_slug) r.workflow_slug, r.inserted_at
    from (select l.name from stepgres.locks as l where l.name = 'prune' for update skip locked) as l
    cross join unnest(v_runs) as r
    order by r.workflow_slug, r.part desc, r.inserted_at desc
    on conflict on constraint prunings_pkey do update set position = excluded.position;
    return cardinality(v_runs);
end
$$;

comment on function stepgres.prune(interval, int, text) is
'Deletes up to batch_size runs that finished longer than older_than ago, and returns their number.

All rows that belong to these runs are deleted with them. A child run stays as long as the parent
that waits for it. A failed run stays until tick has started the workflow on_failure, or has failed
to. Call the function again until it returns
0: each call is short, and is safe while clients and workers use the database.

Errors: SG003 no age or a negative one, or a batch_size below 1.';

create function stepgres._store_keep(workflow_slug text, rows stepgres.retentions[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
begin
    -- Workers register their workflows whenever they start: what does not change is not written.
    delete from stepgres.retentions as o
    where o.workflow_slug = _store_keep.workflow_slug and not exists (
        select from unnest(rows) as n
        where n.subject = o.subject and (n.completed, n.failed, n.cancelled)
            is not distinct from (o.completed, o.failed, o.cancelled)
    );
    insert into stepgres.retentions (
        workflow_slug, subject, completed, failed, cancelled, begun_at, looks_at
    )
    select _store_keep.workflow_slug, n.subject, n.completed, n.failed, n.cancelled, v_now, v_now
    from unnest(rows) as n
    on conflict on constraint retentions_pkey do nothing;
end
$$;

comment on function stepgres._store_keep(text, stepgres.retentions[]) is
'Puts the option keep of a workflow into force; without rows, all runs are kept.

The caller holds the lock of the workflow.';

create function stepgres.list_local_runs(run_id uuid) returns setof uuid
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_root stepgres.runs := stepgres._find_run(list_local_runs.run_id);
begin
    return query
    with recursive family as (
        select v_root.run_id as member_id
        where v_root.executor_id is not null
        union all
        select r.run_id
        from family as f
        join stepgres.runs as r on r.parent_run_id = f.member_id
        where r.depth is not null and r.status = 'started' and r.executor_id = v_root.executor_id
    )
    select f.member_id from family as f
    join stepgres.runs as r on r.run_id = f.member_id
    where r.paused_at is null and exists (
        select from stepgres.tasks as t
        where t.run_id = f.member_id and t.status = 'queued' and t.msg_id is null
    )
    limit 100;
end
$$;

comment on function stepgres.list_local_runs(uuid) is
'Returns up to 100 runs, of a run and its children, that have queued tasks for their executor.

An executor passes these runs to work.

Errors: SG005 unknown run.';

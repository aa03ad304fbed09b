create function stepgres._find_wrong_queues() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'a queue has its pgmq queue', null::uuid,
        format('queue %s: there is no table pgmq.q_%s', q.queue, q.pgmq_queue)
    from stepgres.queues as q
    where to_regclass('pgmq.q_' || q.pgmq_queue) is null
    union all
    select 'the lane of a ticket exists', t.run_id,
        format('task %s/%s: %s', t.step_slug, t.task_index, t.lane)
    from stepgres.tasks as t
    where t.lane is not null
        and not exists (select from stepgres.queues as q where q.pgmq_queue = t.lane)
$$;

comment on function stepgres._find_wrong_queues() is
'Returns queues whose pgmq queue was dropped, and tickets in lanes that are gone: part of fsck.';

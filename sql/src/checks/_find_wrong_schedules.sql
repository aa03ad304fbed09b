create function stepgres._find_wrong_schedules() returns setof stepgres.fsck_violation
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select 'the position of a schedule comes after the due times that are settled', null::uuid,
        format('schedule %s: %s, %s', s.schedule_slug, s.position, s.next_due_at)
    from stepgres.schedules as s
    where exists (
        select from stepgres.schedule_runs as r
        where r.schedule_slug = s.schedule_slug and r.kind = 'due' and r.due_at > s.position
    )
    union all
    select 'a schedule in force wakes for its next due time, and no other does', null,
        format('schedule %s', s.schedule_slug)
    from stepgres.schedules as s
    where (s.is_in_force and s.next_due_at is not null) <> (s.wakes_at is not null)
        and s.buffered_at is null
    union all
    select 'a schedule has the run that it buffers, and no other', null,
        format('schedule %s: %s, %s', coalesce(s.schedule_slug, r.schedule_slug), s.buffered_at,
            r.due_at)
    from (select b.* from stepgres.schedules as b where b.buffered_at is not null) as s
    full join (select b.* from stepgres.schedule_runs as b where b.outcome = 'buffered') as r
        on r.schedule_slug = s.schedule_slug and r.due_at = s.buffered_at
    where s.schedule_slug is null or r.schedule_slug is null
    union all
    select 'a run of a schedule that is active is known to be', s.run_id,
        format('schedule %s', s.schedule_slug)
    from stepgres.schedule_runs as s
    join stepgres.active_runs as a on a.run_id = s.run_id
    where not s.is_open
$$;

comment on function stepgres._find_wrong_schedules() is
'Returns schedules and due times that contradict one another: part of fsck.';

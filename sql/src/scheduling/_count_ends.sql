create function stepgres._count_ends(run_ids uuid[], finished stepgres._step_key[] default null)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update stepgres.step_states as t
    set is_end = o.is_end
    from stepgres.runs as r
    join stepgres.step_states as u on u.run_id = r.run_id
    cross join lateral (
        select not exists (
            select from stepgres.dependencies as d
            cross join lateral (
                select c.finished_at from stepgres.step_states as c
                where c.run_id = r.run_id and c.step_slug = d.step_slug offset 0
            ) as c
            where (d.workflow_slug, d.version, d.depends_on)
                = (r.workflow_slug, r.version, u.step_slug)
                and c.finished_at is null
        ) as is_end
    ) as o
    where r.run_id = any (_count_ends.run_ids)
        and t.run_id = u.run_id and t.step_slug = u.step_slug and t.is_end <> o.is_end
        and (
            t.finished_at is null
            or (t.run_id, t.step_slug) in (
                select k.run_id, k.step_slug from unnest(_count_ends.finished) as k
            )
        );
    update stepgres.runs as r
    set remaining_ends = (
        select count(*) from stepgres.step_states as t
        where t.run_id = r.run_id and t.is_end
            and (
                t.finished_at is null
                or (t.run_id, t.step_slug) in (
                    select k.run_id, k.step_slug from unnest(_count_ends.finished) as k
                )
            )
    )
    where r.run_id = any (_count_ends.run_ids);
end
$$;

comment on function stepgres._count_ends(uuid[], stepgres._step_key[]) is
'Finds out anew which steps are the ends of runs, and counts them in remaining_ends.

finished are steps that _advance will count down next.';

create function stepgres._count_ends(run_ids uuid[], finished stepgres._step_key[] default null)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update stepgres.step_states as t
    set is_end = not t.is_end
    from stepgres.runs as r
    where r.run_id = any (_count_ends.run_ids) and t.run_id = r.run_id
        and t.is_end <> stepgres._is_end(t.run_id, r.workflow_slug, r.version, t.step_slug)
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

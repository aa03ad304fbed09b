create function stepgres._resume_families(run_ids uuid[]) returns uuid[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._lock_family(_resume_families.run_ids, are_awaited => true);
    return stepgres._resume_runs(array(
        with recursive resumed as (
            select r.run_id from stepgres.runs as r
            where r.run_id = any (_resume_families.run_ids) and r.paused_at is not null
            union
            select c.run_id
            from resumed as p
            join stepgres.runs as c on c.parent_run_id = p.run_id
            join stepgres.pauses as s on s.run_id = c.run_id and s.paused_at = c.paused_at
            where c.depth is not null and s.is_inherited
        )
        select e.run_id from resumed as e
    ));
end
$$;

comment on function stepgres._resume_families(uuid[]) is
'Resumes paused runs, and the children that were paused together with them; returns all of these.';

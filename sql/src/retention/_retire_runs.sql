create function stepgres._retire_runs() returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := stepgres._now();
    v_begun timestamptz := clock_timestamp();
    v_row stepgres.retentions;
    v_age interval;
    v_last timestamptz;
    v_count int;
    v_run_ids uuid[];
    v_error text;
begin
    select r.* into v_row from stepgres.retentions as r
    where r.looks_at <= v_now
    order by r.looks_at limit 1
    for no key update skip locked;
    if not found then
        return false;
    end if;
    v_age := least(v_row.completed, v_row.failed, v_row.cancelled);
    loop
        -- A run is inserted before it finishes, so the index ends the search at the age. Many runs
        -- may have been inserted at the same time: with ties, none of them is passed over.
        select count(*)::int, max(l.inserted_at), array_agg(l.run_id) filter (where l.is_old)
        into v_count, v_last, v_run_ids
        from (
            select r.run_id, r.inserted_at, r.finished_at <= v_now - case
                    when r.status = 'completed' then v_row.completed
                    when r.cancelled_at is not null then v_row.cancelled
                    else v_row.failed
                end
                and (v_row.subject = 'runs' or r.payloads_deleted_at is null)
                and (r.depth is null or not exists (
                    select from stepgres.active_runs as a where a.run_id = r.parent_run_id
                ))
                and (r.on_failure is null or not exists (
                    select from stepgres.failure_runs as f
                    where f.failed_run_id = r.run_id and f.due_at is not null and f.error is null
                )) as is_old
            from stepgres.runs as r
            where r.workflow_slug = v_row.workflow_slug and r.inserted_at > v_row.position
                and r.inserted_at <= v_now - v_age
            order by r.inserted_at
            fetch first 100 rows with ties
        ) as l;
        -- skip locked: a transaction that retries a run must read the run first
        v_run_ids := array(
            select r.run_id from stepgres.runs as r
            where r.run_id = any (v_run_ids) limit 1000
            for update skip locked
        );
        begin
            if v_row.subject = 'runs' then
                perform stepgres._delete_runs(v_run_ids);
            else
                perform stepgres._delete_payloads(v_run_ids);
            end if;
        exception when others then
            if stepgres._is_passing(sqlstate) then
                raise;
            end if;
            raise warning 'old runs of workflow "%" cannot be deleted: %',
                v_row.workflow_slug, sqlerrm
                using hint = 'tick tries again in an hour. prune() shows the error.';
            v_error := sqlerrm;
        end;
        exit when v_count < 100 or v_error is not null;
        -- of more than a batch that were inserted at one time, the others come next
        v_row.position := case
            when cardinality(v_run_ids) = 1000 then v_row.position
            else v_last
        end;
        exit when clock_timestamp() > v_begun + interval '30 milliseconds';
    end loop;
    if v_count < 100 and v_row.begun_at <= v_now - v_age / 8 then
        -- begin anew, for runs that were active or locked, or had another age
        v_row.position := '-infinity';
        v_row.begun_at := v_now;
    end if;
    update stepgres.retentions as r
    set position = v_row.position, begun_at = v_row.begun_at, looks_at = v_now + case
            when v_error is not null then interval '1 hour'
            when v_count < 100 then least(interval '1 minute', v_age / 8)
            else interval '0'
        end
    where (r.workflow_slug, r.subject) = (v_row.workflow_slug, v_row.subject);
    return exists (select from stepgres.retentions as r where r.looks_at <= v_now);
end
$$;

comment on function stepgres._retire_runs() is
'Deletes old runs of a workflow, or their payloads, for about 30 ms; says whether more are due.

The function looks at the runs in the order of their start, and begins anew after an eighth of the
shortest age.';

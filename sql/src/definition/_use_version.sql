create function stepgres._use_version(workflow_slug text, version int) returns stepgres.workflow_versions
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version stepgres.workflow_versions;
begin
    -- Until the run is committed nobody deletes its workflow. Not a lock of the workflow's row, which every
    -- start would write to.
    if not pg_try_advisory_xact_lock_shared(29545, hashtext(_use_version.workflow_slug)) then
        perform stepgres._wait_for_deletion(_use_version.workflow_slug);
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        -- The snapshot may be older than a deletion; locking the row fails if it was changed since.
        perform 1 from stepgres.workflows as w
        where w.workflow_slug = _use_version.workflow_slug for key share;
    end if;
    v_version := stepgres._find_version(_use_version.workflow_slug, _use_version.version);
    if v_version.workflow_slug <> _use_version.workflow_slug then
        return stepgres._use_version(v_version.workflow_slug, _use_version.version);  -- under its own lock
    end if;
    if not v_version.is_used then
        -- Waits for an add_step under way; whoever comes after it makes a version of its own.
        update stepgres.workflow_versions as w set is_used = true
        where (w.workflow_slug, w.version) = (v_version.workflow_slug, v_version.version);
        if not exists (
            select from stepgres.steps as s
            where (s.workflow_slug, s.version) = (v_version.workflow_slug, v_version.version)
        ) then
            raise exception 'workflow "%" has no steps', _use_version.workflow_slug
                using errcode = 'SG001', hint = 'Add at least one step with add_step.';
        end if;
    end if;
    return v_version;
end
$$;

comment on function stepgres._use_version(text, int) is
'The version that a new run gets, from now on immutable.';

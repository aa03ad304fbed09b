create function stepgres._insert_step(step stepgres.steps, depends_on text[]) returns stepgres.steps
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step stepgres.steps := _insert_step.step;
    v_missing text;
begin
    select min(d) into v_missing
    from unnest(_insert_step.depends_on) as d
    where d <> v_step.step_slug and not exists (
        select from stepgres.steps as s
        where (s.workflow_slug, s.version, s.step_slug) = (v_step.workflow_slug, v_step.version, d) offset 0
    );
    if v_missing is not null then
        raise exception 'workflow "%", step "%" depends on "%", which is not a step of the workflow',
            v_step.workflow_slug, v_step.step_slug, v_missing
            using errcode = 'SG001', hint = 'Add the missing step first, or correct its name in depends_on.';
    end if;

    if v_step.step_index is null then
        select coalesce(max(s.step_index) + 1, 0) into v_step.step_index
        from stepgres.steps as s
        where (s.workflow_slug, s.version) = (v_step.workflow_slug, v_step.version);
    end if;
    v_step.is_direct := (not v_step.map and v_step.condition is null and v_step.unless is null
        and v_step.gathers is null and v_step.start_delay = interval '0') is true;
    v_step.dependency_count := cardinality(_insert_step.depends_on);
    perform stepgres._ensure_queue(v_step.queue, v_step.priority, v_step.resources);

    insert into stepgres.steps select v_step.*;
    insert into stepgres.dependencies (workflow_slug, version, step_slug, dependency_index, depends_on)
    select v_step.workflow_slug, v_step.version, v_step.step_slug, d.place - 1, d.slug
    from unnest(_insert_step.depends_on) with ordinality as d (slug, place);
    if v_step.map and v_step.initial_tasks is null then
        update stepgres.steps as s set feeds_map = v_step.step_slug
        where (s.workflow_slug, s.version) = (v_step.workflow_slug, v_step.version)
            and s.step_slug = any (_insert_step.depends_on) and not s.map;
    end if;
    return v_step;
end
$$;

comment on function stepgres._insert_step(stepgres.steps, text[]) is
'Adds a step, as the last one unless it has its step_index; constraints of the tables say what a step may be.';

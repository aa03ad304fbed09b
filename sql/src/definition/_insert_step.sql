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
        where (s.workflow_slug, s.version, s.step_slug) = (v_step.workflow_slug, v_step.version, d)
        offset 0
    );
    if v_missing is not null then
        raise exception
            'workflow "%", step "%" depends on "%", which is not a step of the workflow',
            v_step.workflow_slug, v_step.step_slug, v_missing
            using errcode = 'SG001',
                hint = 'Add the missing step first, or correct its name in depends_on.';
    end if;

    select coalesce(max(s.step_index) + 1, 0) into v_step.step_index
    from stepgres.steps as s
    where (s.workflow_slug, s.version) = (v_step.workflow_slug, v_step.version);
    v_step.dependency_count := cardinality(_insert_step.depends_on);
    perform stepgres._store_steps(
        v_step.version, array[v_step], stepgres._dependencies_of(v_step, _insert_step.depends_on)
    );
    select s.* into v_step from stepgres.steps as s
    where (s.workflow_slug, s.version, s.step_slug)
        = (v_step.workflow_slug, v_step.version, v_step.step_slug);
    return v_step;
end
$$;

comment on function stepgres._insert_step(stepgres.steps, text[]) is
'Adds a step to a version, behind the steps that the version has, and returns the step.';

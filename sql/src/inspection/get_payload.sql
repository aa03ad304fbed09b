create function stepgres.get_payload(
    run_id uuid,
    kind text default 'output',
    step_slug text default null,
    task_index int default null,
    most int default null
) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_run stepgres.runs := stepgres._find_run(get_payload.run_id);
    v_value jsonb;
begin
    if (kind = 'output' or kind = 'input' and step_slug is null) is not true
        or task_index is not null and step_slug is null then
        raise exception 'there is no payload of this kind: %', coalesce(kind, 'null')
            using errcode = 'SG014',
                hint = 'kind is input or output, a step has only an output, and a task has a step.';
    end if;
    perform stepgres._not_negative(most, 'most');
    if task_index is not null then
        select t.output into v_value from stepgres.tasks as t
        where (t.run_id, t.step_slug, t.task_index)
            = (v_run.run_id, get_payload.step_slug, get_payload.task_index);
    elsif step_slug is not null then
        select t.output into v_value from stepgres.step_states as t
        where (t.run_id, t.step_slug) = (v_run.run_id, get_payload.step_slug);
    else
        v_value := case kind when 'input' then v_run.input else v_run.output end;
    end if;
    return left(jsonb_pretty(v_value), coalesce(most, 2147483647));
end
$$;

comment on function stepgres.get_payload(uuid, text, text, int, int) is
'Returns the input or output of a run, or the output of a step or of a task of a map, as text.

The text is indented JSON, and has at most `most` characters. It is null if there is no such value,
for example because the step has not completed. kind is input or output; a step has only an output.

Errors: SG005 unknown run, SG014 another kind, a task_index without a step_slug, a negative most.';

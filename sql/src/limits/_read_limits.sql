create function stepgres._read_limits(limits jsonb, culprit text) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_use jsonb;
    v_culprit text;
    v_uses jsonb := '[]'::jsonb;
begin
    if limits is null or limits = 'null' then
        return null;
    elsif jsonb_typeof(limits) <> 'array' or limits = '[]' or jsonb_array_length(limits) > 10 then
        raise exception '%: limits must be an array of 1 to 10 objects, not %',
            culprit, left(limits::text, 100)
            using errcode = 'SG001', hint = 'Such as [{"limit": "openai", "key": "$.tenant"}].';
    end if;
    for v_use in select u from jsonb_array_elements(limits) as u loop
        v_culprit := format('%s, limit "%s"', culprit, left(v_use ->> 'limit', 128));
        perform stepgres._check_options(
            v_use,
            '{"limit": "string", "key": "string", "weight": "string or number",
                "fair_by": "string"}',
            v_culprit
        );
        v_use := jsonb_strip_nulls(v_use);
        if not exists (
            select from stepgres.limits as l where l.limit_slug = v_use ->> 'limit'
        ) then
            raise exception '%: limit "%" does not exist',
                culprit, left(v_use ->> 'limit', 128)
                using errcode = 'SG036',
                    hint = 'Declare it first: create_limit(limit_slug, max_running => 10).';
        elsif jsonb_typeof(v_use -> 'weight') = 'number' and (v_use -> 'weight')::numeric < 0 then
            raise exception '%: weight must be at least 0, not %', v_culprit, v_use -> 'weight'
                using errcode = 'SG001', hint = 'A weight of 0 needs no place.';
        elsif exists (
            select from jsonb_array_elements(v_uses) as o where o ->> 'limit' = v_use ->> 'limit'
        ) then
            raise exception '% is named twice', v_culprit
                using errcode = 'SG001', hint = 'Use one weight for both.';
        end if;
        v_uses := v_uses || jsonb_build_array(v_use || coalesce(stepgres._merge_objects(array(
            select jsonb_build_object(
                o, stepgres._json_path(v_use ->> o, o, v_culprit)::text
            )
            from unnest('{key,weight,fair_by}'::text[]) as o
            where jsonb_typeof(v_use -> o) = 'string'
        )), '{}'));
    end loop;
    return v_uses;
end
$$;

comment on function stepgres._read_limits(jsonb, text) is
'Returns the option limits of a workflow or step with its JSON paths checked.

Raises SG001 and SG036 with the culprit.';

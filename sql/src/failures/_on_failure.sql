create function stepgres._on_failure(on_failure text, culprit text) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text := stepgres._slug_of(_on_failure.on_failure);
begin
    if not stepgres._is_slug(v_slug) then
        raise exception '%: on_failure % is not the slug of a workflow',
            culprit, left(to_jsonb(_on_failure.on_failure)::text, 200)
            using errcode = 'SG001',
                hint = 'on_failure names the workflow that is started for each failed run.';
    end if;
    return v_slug;
end
$$;

comment on function stepgres._on_failure(text, text) is
'Returns the option on_failure of a workflow as a slug; the workflow may be registered later.

SG001 names the culprit.';

create function stepgres._approval(document jsonb, culprit text) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_document jsonb := jsonb_strip_nulls(document);
    v_assignees jsonb := nullif(document -> 'assignees', 'null');
    v_form jsonb := nullif(document -> 'form', 'null');
    v_quorum int;
    v_problem text;
begin
    perform stepgres._check_options(
        document,
        '{"title": "string", "description": "string", "assignees": "array", "form": "object",
            "quorum": "integer"}',
        culprit
    );
    v_quorum := coalesce((document ->> 'quorum')::numeric::int, 1);
    v_problem := case
        when (length(document ->> 'title') between 1 and 500) is not true
            then 'an approval has a title of 1 to 500 characters'
        when length(document ->> 'description') > 10000
            then 'the description of an approval has at most 10,000 characters'
        when jsonb_array_length(v_assignees) not between 1 and 100
            or not stepgres._are_texts(v_assignees)
            or exists (
                select from jsonb_array_elements_text(v_assignees) as a
                where length(a) not between 1 and 256
            )
            then 'assignees are 1 to 100 names of at most 256 characters'
        when v_quorum not between 1 and 100 then 'quorum is 1 to 100'
        when v_quorum > (
            select count(distinct a) from jsonb_array_elements_text(v_assignees) as a
            having v_assignees is not null
        ) then format('a quorum of %s cannot be reached by so few assignees', v_quorum)
        else 'the form of an approval: ' || stepgres._form_fault(v_form)
    end;
    if v_problem is not null then
        raise exception '%: %', culprit, v_problem
            using errcode = 'SG001',
                hint = 'See docs/waiting.md for the options of an approval, and the keywords of '
                    'its form.';
    end if;
    -- A form keeps its nulls, which may stand in enum and default.
    return v_document - 'form' || jsonb_build_object('quorum', v_quorum) || case
        when v_form is null then '{}'
        else jsonb_build_object('form', v_form)
    end;
end
$$;

comment on function stepgres._approval(jsonb, text) is
'Checks the document of an approval, and returns it as waits.approval stores it; SG001.

The document has title, description, assignees, form and quorum. The culprit begins the error.';

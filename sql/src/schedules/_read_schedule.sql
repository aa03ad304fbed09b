create function stepgres._read_schedule(document jsonb, culprit text) returns stepgres.schedules
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_document jsonb := case jsonb_typeof(_read_schedule.document)
        when 'string' then jsonb_build_object('cron', _read_schedule.document)
        else _read_schedule.document
    end;
    v_schedule stepgres.schedules;
    v_rule text;
begin
    perform stepgres._check_options(
        v_document,
        '{"cron": "string", "every": "number", "at": "string",
        "input": "object or array or string or number or boolean", "timezone": "string",
        "overlap": "string", "catch_up": "integer", "jitter": "number", "starts_at": "string",
        "ends_at": "string", "due_key": "string", "options": "object"}',
        culprit
    );
    v_schedule.cron := v_document ->> 'cron';
    v_schedule.every := stepgres._seconds(v_document -> 'every');
    v_schedule.at := stepgres._instant(v_document ->> 'at', culprit || ': at');
    v_schedule.input := case when v_document ? 'input' then v_document -> 'input' else '{}' end;
    v_schedule.timezone := coalesce(v_document ->> 'timezone', 'UTC');
    v_schedule.overlap := coalesce(v_document ->> 'overlap', 'skip');
    v_schedule.catch_up := coalesce((v_document ->> 'catch_up')::numeric::int, 1);
    v_schedule.jitter := coalesce(stepgres._seconds(v_document -> 'jitter'), '0');
    v_schedule.starts_at := stepgres._instant(
        v_document ->> 'starts_at', culprit || ': starts_at'
    );
    v_schedule.ends_at := stepgres._instant(v_document ->> 'ends_at', culprit || ': ends_at');
    v_schedule.due_key := nullif(v_document ->> 'due_key', '');
    v_schedule.options := coalesce(nullif(v_document -> 'options', 'null'), '{}');
    v_rule := case
        when num_nonnulls(v_schedule.cron, v_schedule.every, v_schedule.at) <> 1
            then 'a schedule has exactly one of cron, every and at'
        when v_schedule.every not between interval '1 second' and interval '36525 days'
            then 'every must be at least 1 second and at most 100 years'
        when v_schedule.overlap not in ('skip', 'buffer_one', 'cancel_other', 'allow_all')
            then 'overlap must be "skip", "buffer_one", "cancel_other" or "allow_all"'
        when v_schedule.catch_up not between 0 and 1000 then 'catch_up must be from 0 to 1,000'
        when v_schedule.jitter not between interval '0' and interval '1 day'
            then 'jitter must be at least 0 seconds and at most a day'
        when v_schedule.ends_at < v_schedule.starts_at then 'ends_at must not be before starts_at'
        when v_schedule.at < v_schedule.starts_at or v_schedule.at > v_schedule.ends_at
            then 'at must lie between starts_at and ends_at'
        when length(v_schedule.due_key) > 128 then 'due_key has at most 128 characters'
        when v_schedule.due_key is not null and jsonb_typeof(v_schedule.input) <> 'object'
            then 'with due_key, the input must be a JSON object'
    end;
    if v_rule is not null then
        raise exception '%: %', culprit, v_rule
            using errcode = 'SG001', hint = 'Correct the schedule; nothing of it was stored.';
    end if;
    perform stepgres._check_timezone(v_schedule.timezone);
    perform stepgres._parse_cron(v_schedule.cron);
    perform stepgres._check_options(
        v_schedule.options,
        '{"version": "integer", "priority": "integer", "deadline": "number", "tags": "array"}',
        culprit || ', options'
    );
    return v_schedule;
end
$$;

comment on function stepgres._read_schedule(jsonb, text) is
'Reads the document of a schedule; raises SG001 if it breaks a rule.

A string is a cron expression. Options that are left out have their defaults.';

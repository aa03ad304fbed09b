create function stepgres._fingerprint(document jsonb) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Steps are ordered by slug, because the order in which independent steps were written does not
    -- matter. keep is about runs that have ended, and belongs to no version.
    select md5((_fingerprint.document - '{version,keep}'::text[] || jsonb_build_object('steps', (
        select to_jsonb(array_agg(
            s.step - 'step_index' order by (s.step ->> 'step_slug') collate "C"
        ))
        from jsonb_array_elements(_fingerprint.document -> 'steps') as s (step)
    )))::text)
$$;

comment on function stepgres._fingerprint(jsonb) is
'Returns the fingerprint of a document: the same for all documents that mean the same.

The document is one that _document made.';

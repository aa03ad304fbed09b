create function stepgres.pause_queue(queue text) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_new boolean;
    v_constraint text;
    v_column text;
begin
    begin
        insert into stepgres.paused_queues (queue, paused_at)
        values (pause_queue.queue, stepgres._now())
        on conflict do nothing;
        v_is_new := found;
    exception when check_violation or not_null_violation then
        get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
        perform stepgres._definition_error(
            v_constraint, format('queue "%s"', left(pause_queue.queue, 100)), v_column
        );
    end;
    return v_is_new;
end
$$;

comment on function stepgres.pause_queue(text) is
'Pauses a queue: workers claim no tasks from it until resume_queue.

Returns false if the queue was paused before. The queue need not exist yet. Tasks that workers have
claimed before go on, and their results count; runs go on with their steps in other queues. A call
of work that has begun before the pause may still claim tasks. Local tasks that an executor
executes pass no queue, and are not paused.

Errors: SG001 not the name of a queue.';

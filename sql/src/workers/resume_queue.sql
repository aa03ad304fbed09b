create function stepgres.resume_queue(queue text) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from stepgres.paused_queues as p where p.queue = resume_queue.queue;
    if not found then
        return false;
    end if;
    perform pg_notify(stepgres.wakeup_name(resume_queue.queue), '');
    return true;
end
$$;

comment on function stepgres.resume_queue(text) is
'Ends the pause of a queue, and wakes the workers that wait for its tasks.

Returns false if the queue is not paused.';

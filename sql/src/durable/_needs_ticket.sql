create function stepgres._needs_ticket(execution text, durable boolean, executor_id text)
returns boolean
language sql
stable
return case
    when executor_id like 'simulator:%' then false
    when execution = 'distributed' or executor_id is null then true
    when durable then not stepgres._has_feature(executor_id, 'durable')
    else false
end;

comment on function stepgres._needs_ticket(text, boolean, text) is
'Says whether a task of a step goes through its queue, and not to the executor of its run.

Without an executor local steps go through their queue too, and so do durable steps whose executor
does not know them. A simulation needs no queue. No search_path is set, so that the planner inlines
the function.';

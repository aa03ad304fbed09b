create trigger task_graph_changes_record
after insert on stepgres.task_graph_changes
for each row
when (current_setting('stepgres.followed', true) = 'changes')
execute function stepgres._record_goal_change();

create view stepgres._metric_families as
select
    f.place,
    f.name,
    f.type,
    f.help
from (
    values
    (1, 'stepgres_tasks_total', 'counter', 'Tasks that have ended, by outcome.'),
    (2, 'stepgres_task_retries_total', 'counter', 'Failed attempts whose tasks are tried again.'),
    (
        3, 'stepgres_task_wait_seconds_count', 'summary',
        'Time from the queueing of tasks to their claims, of executions that have ended.'
    ),
    (
        4, 'stepgres_task_wait_seconds_sum', 'summary',
        'Time from the queueing of tasks to their claims, of executions that have ended.'
    ),
    (
        5, 'stepgres_task_run_seconds_count', 'summary',
        'Time from the claims of tasks to their results, of executions that have ended.'
    ),
    (
        6, 'stepgres_task_run_seconds_sum', 'summary',
        'Time from the claims of tasks to their results, of executions that have ended.'
    ),
    (7, 'stepgres_runs_total', 'counter', 'Runs that have ended, by outcome.'),
    (8, 'stepgres_leases_expired_total', 'counter', 'Workers whose leases have run out.'),
    (
        9, 'stepgres_schedules_missed_total', 'counter',
        'Due times of schedules for which tick came too late.'
    ),
    (10, 'stepgres_runs_active', 'gauge', 'Runs that have not ended, up to 10,000.'),
    (
        11, 'stepgres_queue_tasks', 'gauge',
        'Tasks that wait for a worker. A number above 1,000 is an estimate, never too low.'
    ),
    (
        12, 'stepgres_queue_oldest_seconds', 'gauge',
        'Age of the first task that waits for a worker; 0 if no task waits.'
    ),
    (13, 'stepgres_queue_workers', 'gauge', 'Live workers that take tasks from the queue.'),
    (
        14, 'stepgres_queue_slots', 'gauge',
        'Tasks that the live workers of the queue execute at a time.'
    ),
    (
        15, 'stepgres_queue_paused_seconds', 'gauge',
        'Time since the queue was paused; absent while the queue is not paused.'
    ),
    (16, 'stepgres_workers', 'gauge', 'Live workers and executors.'),
    (17, 'stepgres_slots', 'gauge', 'Tasks that all live workers execute at a time.'),
    (18, 'stepgres_waits_open', 'gauge', 'Open waits, up to 10,000 of each kind.'),
    (
        19, 'stepgres_limit_waiting', 'gauge',
        'Tasks and runs that wait in lines for limits, up to 10,000.'
    ),
    (20, 'stepgres_tick_age_seconds', 'gauge', 'Time since tick last searched the active runs.'),
    (
        21, 'stepgres_schedules_overdue_seconds', 'gauge',
        'Time since the first due time that tick has not settled; 0 if there is none.'
    ),
    (
        22, 'stepgres_failures_unstarted', 'gauge',
        'Failed runs whose workflow on_failure could not be started so far, up to 10,000.'
    ),
    (23, 'stepgres_counting', 'gauge', '1 while counters count, 0 while metrics are off.')
) as f (place, name, type, help);

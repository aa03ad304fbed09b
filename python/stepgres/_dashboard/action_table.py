"""The table of all actions. Forms of pages and the JSON API act through this table alone."""

from __future__ import annotations

from stepgres._dashboard.actions import Action, Field

_FILTERS = (
    ("--status", "status"),
    ("--workflow", "workflow_slug"),
    ("--tag", "tags"),
    ("--since", "since"),
    ("--until", "until"),
)

_ALL = [
    Action(
        "cancel_workflow_run",
        "Cancel",
        "The run is cancelled.",
        ("stepgres", "runs", "cancel", "{run_id}", ("--reason", "reason"), ("--force", "force")),
        (Field("reason", "Reason", help="The error that the run ends with."),),
        help="The run and its child runs fail with this reason.",
        is_destructive=True,
    ),
    Action(
        "pause_workflow_run",
        "Pause",
        "The run is paused.",
        ("stepgres", "runs", "pause", "{run_id}"),
        help="No further task starts. Executing tasks finish, and their results count.",
    ),
    Action(
        "resume_workflow_run",
        "Resume",
        "The run is resumed.",
        ("stepgres", "runs", "resume", "{run_id}"),
        help="Queued tasks are dispatched, and timers go on.",
    ),
    Action(
        "wake_workflow_run",
        "Wake now",
        "The run goes on.",
        ("stepgres", "runs", "wake", "{run_id}"),
        help="Delays, retries and sleeps of the run are due now.",
    ),
    Action(
        "retry_failed_workflow",
        "Retry",
        "A new run continues the failed run.",
        ("stepgres", "runs", "retry", "{run_id}", ("--reset-all", "reset_all")),
        (Field("reset_all", "From the beginning", "flag"),),
        then="/runs/{result}",
        help="A new run executes the unfinished steps. Completed steps keep their outputs.",
    ),
    Action(
        "fork_run",
        "Fork",
        "A new run begins anew at the chosen steps.",
        (
            "stepgres",
            "runs",
            "fork",
            "{run_id}",
            ("--from", "from_steps"),
            ("--input", "input"),
            ("--version", "version"),
            ("--keep-checkpoints", "keep_checkpoints"),
        ),
        (
            Field("from_steps", "From step", "choice", "The step and all behind it.", (), True),
            Field("input", "Input", "json", "The input of the new run, as JSON."),
            Field("version", "Version", help="Another version of the workflow."),
            Field("keep_checkpoints", "Keep checkpoints of durable steps", "flag"),
        ),
        then="/runs/{result}",
        help="A new run executes the step and all steps behind it. Other steps keep their outputs.",
    ),
    Action(
        "send_signal",
        "Send a signal",
        "The signal is sent.",
        ("stepgres", "signal", "{run_id}", "{signal}", ("", "payload")),
        (
            Field("signal", "Signal", is_needed=True),
            Field("payload", "Payload", "json", "JSON; empty: null."),
        ),
        help="The signal is kept until the run waits for it.",
    ),
    Action(
        "start_workflow_run",
        "Start a run",
        "A run is started.",
        (
            "stepgres",
            "runs",
            "start",
            "{workflow_slug}",
            ("--input", "input"),
            ("--tag", "tags"),
            ("--priority", "priority"),
            ("--delay", "delay"),
            ("--idempotency-key", "idempotency_key"),
            ("--version", "version"),
        ),
        (
            Field("input", "Input", "json", "The input of the run, as JSON.", (), True),
            Field("tags", "Tags", help="Separated by commas."),
            Field("priority", "Priority", help="Takes the place of the priorities of the steps."),
            Field("delay", "Delay", help="The steps start after this time, such as 90s or 2h."),
            Field(
                "idempotency_key",
                "Idempotency key",
                help="If a run has this key, that run is shown and none is started.",
            ),
        ),
        then="/runs/{result}",
    ),
    Action(
        "optimize_workflow",
        "Apply",
        "The recommended options are in force for new runs.",
        ("stepgres", "workflows", "optimize", "{workflow_slug}", ("--level", "level")),
        help="A version with these options becomes current. Runs keep their version.",
    ),
    Action(
        "delete_flow",
        "Delete",
        "The workflow is deleted.",
        ("stepgres", "workflows", "delete", "{workflow_id}", "--yes", ("--force", "force")),
        (Field("force", "Cancel its active runs first", "flag"),),
        then="/workflows",
        help="The workflow is deleted with all its versions and runs.",
        confirm="Yes, delete the workflow and its runs for good",
        is_destructive=True,
    ),
    Action(
        "approve",
        "Approve",
        "The approval is stored.",
        (
            "stepgres",
            "approvals",
            "approve",
            "{wait_id}",
            ("", "payload"),
            ("--comment", "comment"),
            ("--by", "decided_by"),
        ),
        (
            Field("payload", "Payload", "json", "JSON that fits the form; empty: null."),
            Field("comment", "Comment"),
            Field("decided_by", "Your name", help="By default the login of the dashboard."),
        ),
    ),
    Action(
        "reject",
        "Reject",
        "The rejection is stored.",
        (
            "stepgres",
            "approvals",
            "reject",
            "{wait_id}",
            "--comment",
            "{comment}",
            ("--by", "decided_by"),
        ),
        (
            Field("comment", "Comment", help="Why.", is_needed=True),
            Field("decided_by", "Your name", help="By default the login of the dashboard."),
        ),
        is_destructive=True,
    ),
    Action(
        "approve_task_graph",
        "Approve",
        "The goal is approved.",
        ("stepgres", "goals", "approve", "{task_graph_id}", ("--fingerprint", "fingerprint")),
        help="The goal can be started. It is not approved if it has changed since you saw it.",
    ),
    Action(
        "reject_task_graph",
        "Reject",
        "The goal is rejected.",
        ("stepgres", "goals", "reject", "{task_graph_id}", "--reason", "{reason}"),
        (Field("reason", "Reason", help="What is wrong with the goal tasks.", is_needed=True),),
        help="The goal cannot be started unless its goal tasks are changed. Runs go on.",
        is_destructive=True,
    ),
    Action(
        "start_task_graph",
        "Start",
        "A run of the goal is started.",
        (),
        (
            Field("input", "Input", "json", "An object, merged with the goal; may be empty."),
            Field("tags", "Tags", help="Separated by commas."),
            Field(
                "idempotency_key",
                "Idempotency key",
                help="If a run has this key, that run is shown and none is started.",
            ),
        ),
        then="/runs/{result}",
        help="Workers execute the goal tasks.",
    ),
    Action(
        "cancel_runs",
        "Cancel",
        "cancelled",
        ("stepgres", "runs", "cancel", *_FILTERS, ("--reason", "reason")),
        (Field("reason", "Reason", help="The error that the runs end with."),),
        is_destructive=True,
        is_bulk=True,
    ),
    Action("pause_runs", "Pause", "paused", ("stepgres", "runs", "pause", *_FILTERS), is_bulk=True),
    Action(
        "resume_runs", "Resume", "resumed", ("stepgres", "runs", "resume", *_FILTERS), is_bulk=True
    ),
    Action(
        "retry_runs", "Retry", "retried", ("stepgres", "runs", "retry", *_FILTERS), is_bulk=True
    ),
]

_RATE = (
    Field("rate", "Rate", help="So much may start in the time below."),
    Field("per", "Per", help="The time of the rate, such as 1s, 1m or 1h."),
    Field("burst", "Burst", help="So much may start at once after a pause."),
)
_RATE_WORDS = (("--rate", "rate"), ("--per", "per"), ("--burst", "burst"))
_RULE = (
    Field("cron", "Cron expression", help="Five fields, such as 0 3 * * *, or @daily."),
    Field("every", "Or every", help="A duration between due times, such as 15m or 2h."),
    Field("at", "Or once at", help="A time, such as 2030-11-28T12:30Z."),
    Field("timezone", "Time zone", help="Of the cron expression, such as Europe/Berlin."),
)
_INPUT = Field("input", "Input", "json", "The input of the runs, as JSON.")
_OVERLAP = Field(
    "overlap",
    "If a run is still active",
    "choice",
    "skip: no run. buffer_one: one run waits. cancel_other: the active run is cancelled.",
    ("skip", "buffer_one", "cancel_other", "allow_all"),
)
_CATCH_UP = Field("catch_up", "Missed due times made up", help="A number; by default 1.")

# What operators do with queues, schedules, limits and channels.
_OPERATIONS = [
    Action(
        "pause_queue",
        "Pause",
        "The queue is paused.",
        ("stepgres", "queues", "pause", "{queue}"),
        help="Workers claim no more tasks from it. Tasks that are claimed already go on.",
    ),
    Action(
        "resume_queue",
        "Resume",
        "The queue is open again.",
        ("stepgres", "queues", "resume", "{queue}"),
        help="Workers take its tasks again.",
    ),
    Action(
        "create_schedule",
        "New schedule",
        "The schedule is declared.",
        (),
        (
            Field("schedule_slug", "Schedule", help="Letters, digits and _.", is_needed=True),
            Field("workflow_slug", "Workflow", is_needed=True),
            *_RULE,
            _INPUT,
            _OVERLAP,
            _CATCH_UP,
        ),
        then="/schedules/{result}",
        help="Fill in one of the three rules: a cron expression, a duration, or a time.",
    ),
    Action(
        "update_schedule",
        "Edit",
        "The schedule is changed.",
        (
            "stepgres",
            "schedules",
            "update",
            "{schedule_slug}",
            ("--cron", "cron"),
            ("--every", "every"),
            ("--at", "at"),
            ("--input", "input"),
            ("--timezone", "timezone"),
            ("--overlap", "overlap"),
            ("--catch-up", "catch_up"),
        ),
        (*_RULE, _INPUT, _OVERLAP, _CATCH_UP),
        help="A schedule has one rule: clear the rule that is to go. Empty fields change nothing.",
    ),
    Action(
        "pause_schedule",
        "Pause",
        "The schedule is paused.",
        ("stepgres", "schedules", "pause", "{schedule_slug}", ("--note", "note")),
        (Field("note", "Note", help="Why."),),
        help="It starts no runs until it is resumed. Active runs go on.",
    ),
    Action(
        "resume_schedule",
        "Resume",
        "The schedule goes on.",
        ("stepgres", "schedules", "resume", "{schedule_slug}"),
        help="Due times in the pause get no runs. A backfill can start them.",
    ),
    Action(
        "trigger_schedule",
        "Run now",
        "A run of the schedule is started.",
        ("stepgres", "schedules", "trigger", "{schedule_slug}"),
        then="/runs/{result}",
        help="A run starts now, also in a pause and beside active runs.",
    ),
    Action(
        "backfill_schedule",
        "Start these runs",
        "The runs are started.",
        (
            "stepgres",
            "schedules",
            "backfill",
            "{schedule_slug}",
            ("--since", "since"),
            ("--until", "until"),
        ),
    ),
    Action(
        "delete_schedule",
        "Delete",
        "The schedule is deleted.",
        ("stepgres", "schedules", "delete", "{schedule_slug}"),
        then="/schedules",
        help="The schedule and its history are deleted. Its runs stay.",
        is_destructive=True,
    ),
    Action(
        "create_limit",
        "New limit",
        "The limit is declared.",
        (
            "stepgres",
            "limits",
            "create",
            "{limit_slug}",
            ("--max-running", "max_running"),
            *_RATE_WORDS,
        ),
        (
            Field("limit_slug", "Limit", help="Letters, digits and _.", is_needed=True),
            Field("max_running", "Max running", help="So much runs at a time, for each key."),
            *_RATE,
        ),
        then="/limits/{result}",
    ),
    Action(
        "update_limit",
        "Edit",
        "The limit is changed.",
        (
            "stepgres",
            "limits",
            "update",
            "{limit_slug}",
            ("--max-running", "max_running"),
            *_RATE_WORDS,
        ),
        (
            Field("max_running", "Max running", help="For each key; 0 removes it."),
            Field("rate", "Rate", help="So much may start in the time below; 0 removes it."),
            *_RATE[1:],
        ),
        help="The change is in force at once. Nothing that runs is cut off.",
    ),
    Action(
        "delete_limit",
        "Delete",
        "The limit is deleted.",
        ("stepgres", "limits", "delete", "{limit_slug}"),
        then="/limits",
        help="Work that waits for it goes on. A limit that a current workflow uses stays.",
        is_destructive=True,
    ),
    Action(
        "create_channel",
        "New channel",
        "The channel is there.",
        (),
        (Field("channel", "Channel", help="Letters, digits and _ . : / @ -", is_needed=True),),
        then="/channels",
    ),
    Action(
        "send_with_notify",
        "Send a message",
        "The message is sent.",
        (),
        (Field("message", "Message", "json", "JSON; a text stands in double quotes.", (), True),),
        help="The message is stored, and the listeners of the channel are notified.",
    ),
    Action(
        "prune_messages",
        "Delete old messages",
        "Old messages are deleted.",
        (),
        (
            Field("older_than", "Older than", help="Such as 12h or 30d.", is_needed=True),
            Field("unacknowledged", "Also messages that nobody has acknowledged", "flag"),
        ),
        help="Deletes 1,000 messages at most: repeat it if there are more.",
        is_destructive=True,
    ),
    Action(
        "delete_channel",
        "Delete",
        "The channel is deleted.",
        (),
        then="/channels",
        help="The channel is deleted with all its messages.",
        is_destructive=True,
    ),
]

# The method for one run that a bulk action calls for each run of a selection.
OF_ONE = {
    "cancel_runs": "cancel_workflow_run",
    "pause_runs": "pause_workflow_run",
    "resume_runs": "resume_workflow_run",
    "retry_runs": "retry_failed_workflow",
}

ACTIONS = {action.method: action for action in [*_ALL, *_OPERATIONS]}

"""Calls that are refused, and the SQLSTATE that says why."""

from __future__ import annotations

WORKER_UNKNOWN = "SG006"
RUN_UNKNOWN = "SG005"
RUN_FINISHED = "SG011"
RUN_NOT_PAUSED = "SG012"
RUN_NOT_FAILED = "SG013"
BAD_INPUT = "SG003"
WORKFLOW_UNKNOWN = "SG002"
WORKFLOW_IN_USE = "SG015"
ALREADY_RUNNING = "SG038"
LIMIT_UNKNOWN = "SG036"
SCHEDULE_UNKNOWN = "SG035"
LIMIT_REACHED = "SG037"
NOT_PERMITTED = "SG026"
WAIT_RESOLVED = "SG034"
RESULT_REFUSED = "SG004"


class Refused(Exception):
    """The call changes nothing, and fails with this SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate

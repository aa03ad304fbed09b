"""The pages of approvals: the inbox, and one approval with its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._dashboard import render
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.questions import answers, questions
from stepgres._dashboard.view import Page, View
from stepgres._postgres.json_text import moment_of
from stepgres.errors import InvalidInput, WaitNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepgres._dashboard.errors import Problem
    from stepgres.types import Approval, Wait

_SIZE = 50
_MOST_TEXT = 4_000  # characters of a value
_MOST_DECISIONS = 100
_NOTHING = {"title": "Approval", "description": None, "assignees": None}


async def show_approvals(view: View) -> dict[str, Any]:
    """List open approvals that pass the filters, the oldest first."""
    shown = {name: view.text(name) for name in ("assignee", "workflow_slug")}
    run_id, after = view.uuid("run_id"), view.number("after")
    found = await view.client.list_approvals(
        **shown, run_id=run_id, after=after, limit=_SIZE + 1, payloads=False
    )
    return {
        "title": "Approvals",
        "approvals": [(approval, _count(approval)) for approval in found[:_SIZE]],
        "given": shown,
        "filters": {
            name: text for name, text in {**shown, "run_id": run_id}.items() if text is not None
        },
        "run_id": run_id,
        "after": after,
        "next_after": found[_SIZE - 1].wait_id if len(found) > _SIZE else None,
    }


async def show_approval(
    view: View,
    given: Mapping[str, list[str]] | None = None,
    refused: Problem | None = None,
) -> dict[str, Any]:
    """Show an approval with its form; given is what was typed into a form that was refused."""
    wait_id = _wait_id(view)
    approval = await _open(view, wait_id)
    context: dict[str, Any] = {
        "approval": approval,
        "wait": None,
        "refused": refused,
        "most": _MOST_TEXT,
    }
    if approval is None:
        wait = await _resolved(view, wait_id)
        subject = {**_NOTHING, **_document(wait.approval)}
        return context | {
            "title": render.visible(str(subject["title"])),
            "wait": wait,
            "subject": subject,
            "decisions": _decisions(_document(wait.payload).get("decisions")),
        }
    typed = given or {}
    run_input = None
    if approval.name:  # in the body of a durable step, which has no input of its own
        run_input = await view.client.get_payload(approval.run_id, "input", most=_MOST_TEXT + 1)
    return context | {
        "title": render.visible(approval.title),
        "count": _count(approval),
        "decisions": _decisions(approval.decisions),
        "questions": questions(_document(approval.form) or None, given),
        "comment": typed.get("comment", [""])[-1],
        "decided_by": typed.get("decided_by", [view.text("assignee") or ""])[-1],
        "run_input": run_input,
    }


async def decide(view: View, given: Mapping[str, list[str]]) -> Approval:
    """Approve or reject, as the button of the form says, with what was typed."""
    wait_id = _wait_id(view)
    said = {name: given.get(name, [""])[-1].strip() for name in ("decision", "comment")}
    arguments: dict[str, Any] = {
        "wait_id": wait_id,
        "comment": said["comment"],
        "decided_by": given.get("decided_by", [""])[-1].strip() or None,
    }
    if said["decision"] == "approve":
        asked = await _open(view, wait_id)
        form = _document(asked.form) if asked is not None else None
        arguments |= {"payload": answers(form, given), "comment": said["comment"] or None}
    elif said["decision"] != "reject":
        raise InvalidInput("nothing is decided", hint="Approve or reject.")
    decided: Approval = await ACTIONS[said["decision"]].run(view.client, arguments)
    return decided


def said_of(approval: Approval) -> str:
    """Return what a decision has done."""
    if approval.outcome == "approved":
        return "Approved: the run goes on."
    if approval.outcome is not None:
        return f"The approval is {approval.outcome.replace('_', ' ')}."
    if not all(decision["approved"] for decision in _list(approval.decisions)):
        return "The rejection is stored, and counts when the run is resumed."
    return f"Stored: {_count(approval)} of {approval.quorum} have approved."


def _wait_id(view: View) -> int:
    text = view.path("wait_id")
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise WaitNotFound(f"no approval has the number {text[:100]!a}")
    return int(text)


async def _open(view: View, wait_id: int) -> Approval | None:
    found = await view.client.list_approvals(run_id=view.uuid("run_id"), after=wait_id - 1, limit=1)
    return found[0] if found and found[0].wait_id == wait_id else None


async def _resolved(view: View, wait_id: int) -> Wait:
    """Return an approval that is decided; only the address of a run finds it."""
    run_id = view.uuid("run_id")
    if run_id is not None:
        for wait in await view.client.list_waits(
            run_id, "approval", after=wait_id - 1, limit=1, include_resolved=True
        ):
            if wait.wait_id == wait_id:
                return wait
    raise WaitNotFound(
        f"approval {wait_id} is not open",
        hint="It is decided, or has timed out. The page of its run says more.",
    )


def _count(approval: Approval) -> int:
    return sum(bool(decision["approved"]) for decision in _list(approval.decisions))


def _decisions(value: Any) -> list[dict[str, Any]]:
    return [
        {**decision, "decided_at": moment_of(decision["decided_at"])}
        for decision in _list(value)[:_MOST_DECISIONS]
    ]


def _document(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


PAGES = [
    Page("/approvals", "approvals.html", show_approvals, nav="Approvals"),
    Page("/approvals/{wait_id}", "approval.html", show_approval, section="/approvals"),
]

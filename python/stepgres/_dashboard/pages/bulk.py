"""Bulk actions on runs: the preview of a selection or of all runs that pass filters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from psycopg.rows import tuple_row
from starlette.exceptions import HTTPException

from stepgres._dashboard.action_table import ACTIONS, OF_ONE
from stepgres._dashboard.view import Page, View
from stepgres.errors import InvalidFilter, StepgresError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from stepgres._client.client_async import AsyncClient
    from stepgres._dashboard.actions import Action

_BATCH = 1000
_MOST_COUNTED = 10_000  # runs in a preview
_MOST_SECONDS = 20.0  # for one request; the person goes on with the rest
_MOST_SHOWN = 20
_FILTERS = ("status", "workflow_slug", "tags", "tag", "since", "until")


async def show_preview(view: View) -> dict[str, Any]:
    """Show which runs a bulk action would change, before it changes them."""
    action = ACTIONS.get(view.path("method"))
    if action is None or not action.is_bulk:
        raise HTTPException(404, "There is no such action")
    selected = view.texts("run_id")
    context: dict[str, Any] = {"title": f"{action.title} runs", "action": action}
    if selected:
        return context | {
            "run_ids": selected,
            "number": len(selected),
            "most": None,
            "filters": {},
            "fixed": [("run_id", run_id) for run_id in selected],
            "arguments": {},
        }
    arguments = filters_of(action, {name: view.texts(name) for name in _FILTERS})
    found, until = await _preview(view.client, action.method, arguments)
    # runs that start after the preview are left out
    arguments |= {"until": until}
    fixed = [
        (name, value.isoformat() if name in {"since", "until"} else value)
        for name, given in arguments.items()
        for value in (given if isinstance(given, list) else [given])
    ]
    return context | {
        "run_ids": found[:_MOST_SHOWN],
        "number": len(found),
        "most": _MOST_COUNTED,
        "filters": arguments,
        "fixed": fixed,
        "arguments": arguments,
    }


def filters_of(action: Action, given: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the filters that the texts of a form choose; the empty filter is refused."""
    arguments = action.arguments({name: given[name] for name in _FILTERS if given.get(name)})
    if not arguments:
        raise InvalidFilter(
            "no run is chosen", hint="Select runs, or filter the list by status, workflow or time."
        )
    return arguments


async def _preview(
    client: AsyncClient, method: str, arguments: Mapping[str, Any]
) -> tuple[list[UUID], Any]:
    found: dict[UUID, None] = {}
    position: dict[str, Any] = {}
    more = True
    while more and len(found) < _MOST_COUNTED:
        batch, more, after, until = await client._one(
            method, tuple_row, **{**arguments, **position}, dry_run=True, batch_size=_BATCH
        )
        found.update(dict.fromkeys(batch))
        position = {"after": after, "until": until}
    return list(found)[:_MOST_COUNTED], position["until"]


async def act_on_all(
    client: AsyncClient, action: Action, given: Mapping[str, list[str]]
) -> tuple[str, bool]:
    """Act on a selection or on all runs that pass filters; say what was done, and whether all."""
    reason = {name: texts[0] for name, texts in given.items() if name == "reason" and texts[0]}
    if given.get("run_id"):
        return await _act_on_selection(client, action, given["run_id"], reason), True
    arguments: dict[str, Any] = {**filters_of(action, given), **reason}
    changed: set[UUID] = set()
    end = time.monotonic() + _MOST_SECONDS
    more = True
    while more and time.monotonic() < end:
        batch, more, after, until = await client._one(
            action.method, tuple_row, **arguments, batch_size=_BATCH
        )
        changed.update(batch)
        arguments |= {"after": after, "until": until}
    text = f"{_runs(len(changed))} {action.done}."
    return (f"{text} There are more: confirm again to go on." if more else text), not more


async def _act_on_selection(
    client: AsyncClient, action: Action, run_ids: list[str], reason: dict[str, str]
) -> str:
    changed, failures = 0, []
    one = ACTIONS[OF_ONE[action.method]]
    for run_id in run_ids:
        try:
            arguments = one.arguments({"run_id": [run_id]})
            await one.run(client, {**arguments, **reason})
            changed += 1
        except StepgresError as error:
            failures.append(error.message)
    text = f"{_runs(changed)} {action.done}."
    if failures:
        text += f" {len(failures)} not: {failures[0]}" + ("; …" if len(failures) > 1 else "")
    return text


def _runs(number: int) -> str:
    return f"{number:,} {'run was' if number == 1 else 'runs were'}"


PAGES = [Page("/runs/bulk/{method}", "bulk.html", show_preview, section="/", is_live=False)]

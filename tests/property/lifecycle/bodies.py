"""The bodies of durable steps: what they have done, when they wait, and when they go on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.property.lifecycle import waiting
from tests.property.lifecycle.states import Place
from tests.property.lifecycle.waits import Approval, Checkpoint, Operation, TimerKey, Wait

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def save(run: Run, place: Place, operations: list[Operation]) -> None:
    """Results of calls come first. What was saved before stays as it is."""
    task = run.task(place)
    new: dict[tuple[str, int], Operation] = {}
    for operation in sorted(operations, key=lambda o: o.wait is not None):
        if operation.key not in task.checkpoints:
            new.setdefault(operation.key, operation)
    if not new:
        return
    waits = {
        key: _wait_of(run, place, operation)
        for key, operation in new.items()
        if operation.wait is not None
    }
    waiting.open_all(run, list(waits.values()))
    for key, operation in new.items():
        task.checkpoints[key] = Checkpoint(operation, run.world.now, waits.get(key))
    task.counted_from = task.attempt - 1
    run.settle()


def _wait_of(run: Run, place: Place, operation: Operation) -> Wait:
    assert operation.wait is not None
    options = dict(operation.wait)
    if options["kind"] == "approval":
        of_approval = [name for name in ("title", "quorum", "assignees") if name in options]
        options["approval"] = Approval(**{name: options.pop(name) for name in of_approval})
    seconds = options.pop("seconds", options.pop("timeout", None))
    time = None if seconds is None else timedelta(seconds=seconds)
    return Wait(*place, operation.name, operation.number, time=time, **options)


def waits_of(run: Run, place: Place) -> list[Wait]:
    return [w for w in run.waits.values() if w.name and (w.slug, w.index) == place]


def suspend(run: Run, place: Place, waits_for: tuple[TimerKey, ...]) -> None:
    task = run.task(place)
    task.status, task.attempt = "waiting", task.attempt - 1
    task.waits_for = [run.waits[key] for key in waits_for]
    wake(run, place, [wait for wait in task.waits_for if not wait.is_open])


def wake(run: Run, place: Place, resolved: list[Wait]) -> None:
    """At once if nothing else is waited for, otherwise in a second.

    Waits that are gathered are waited for together, unless one of them ends badly.
    """
    task = run.task(place)
    if task.status != "waiting" or task.waits_for is None:
        return
    counting = [wait for wait in resolved if wait in task.waits_for]
    others = [wait for wait in task.waits_for if wait.is_open]
    if counting and not others:
        resume(run, place)
    elif counting and not (
        all(wait.is_gathered and wait.is_good for wait in counting)
        and any(wait.is_gathered for wait in others)
    ):
        key: TimerKey = ("wake", *place)
        if key not in run.due and key not in run.left:
            run.set_timer(key, timedelta(seconds=1))


def resume(run: Run, place: Place) -> None:
    task = run.task(place)
    task.status, task.waits_for = "queued", None
    run.drop_timer(("wake", *place))


def restart(run: Run, place: Place, input: Any) -> None:
    """The body begins anew with this input; nothing of what it did is left."""
    task = run.task(place)
    if task.status != "started":
        return
    forgotten = waits_of(run, place)
    for wait in forgotten:
        if wait.is_open:
            waiting.close(run, wait, "cancelled")
        del run.waits[wait.timer]
    for number, signal in list(run.world.signals.items()):
        if signal.consumer in forgotten:
            del run.world.signals[number]
    task.checkpoints = {}
    task.status, task.attempt = "queued", task.attempt - 1
    task.counted_from = task.attempt
    task.input, task.has_own_input = input, True

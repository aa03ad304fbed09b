"""What a run waits for: how waits open, and how they end.

A step that waits has a wait and no task; a body opens waits of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.property.lifecycle import attempts, bodies, children, inputs
from tests.property.lifecycle.paths import members
from tests.property.lifecycle.waits import Resolution, Signal, Wait, jsonb_text, key_text

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def start(run: Run, slugs: list[str]) -> None:
    failing: dict[str, str] = {}
    waits = []
    for slug in slugs:
        step, state = run.step(slug), run.steps[slug]
        if state.status != "created":
            continue
        state.start(0)
        key = None
        if step.key is not None:
            found = members(inputs.of_step(run, slug), step.key)
            key = key_text(found)
            if key is None:
                path = "".join(f'."{name}"' for name in step.key)
                shown = jsonb_text(found[0])[:100] if found else "nothing"
                failing[slug] = (
                    f'step "{slug}" failed: its key ${path} finds {shown}, and a key is a '
                    "text, a number or a boolean of at most 256 characters"
                )
        wait = Wait(slug, signal=step.wait_for, match=step.match, key=key, approval=step.approval)
        wait.kind = "signal" if step.approval is None else "approval"
        wait.time = None if step.timeout is None else timedelta(seconds=step.timeout)
        waits.append(wait)
    if failing:
        run.fail_steps(failing)
    elif waits:
        open_all(run, waits)


def open_all(run: Run, waits: list[Wait]) -> None:
    """One of two that want a key fails; what was sent before they opened may resolve them."""
    last = chr(0x10FFFF)  # of waits that open together, those with keys are older
    for wait in sorted(waits, key=lambda w: (w.signal or last, w.key or last)):
        run.waits[wait.timer] = wait
        if wait.key is not None:
            wait.is_new = True
            run.world.hold(run.run_id, wait)
        if wait.is_open and wait.time is not None:
            run.set_timer(wait.timer, wait.time)
    refused = [wait for wait in waits if not wait.is_open]
    _apply(run, [Resolution(wait, "failed", None, wait.error) for wait in refused])
    _match(run)


def deliver(run: Run) -> None:
    for wait in run.waits.values():
        wait.is_new = False
    _match(run)


def _match(run: Run) -> None:
    """Each unread signal goes to the oldest open wait that takes it; those by key come last.

    A paused run takes none.
    """
    if run.is_paused or not run.is_active:
        return

    def takes(wait: Wait, signal: Signal) -> bool:
        return wait.takes(signal, inputs.of_step(run, wait.slug))

    found: dict[Wait, Resolution] = {}
    unread = run.world.unread()
    for signal in [s for s in unread if s.run_id == run.run_id]:
        for wait in run.waits.values():
            if wait.is_open and wait not in found and takes(wait, signal):
                found[wait] = Resolution(wait, "signalled", signal.payload, None, signal)
                break
    for wait in run.waits.values():
        for signal in unread if wait.is_open and wait not in found else ():
            if signal.run_id is None and signal.key == wait.key and takes(wait, signal):
                found[wait] = Resolution(wait, "signalled", signal.payload, None, signal)
                break
    resolve(run, [found[wait] for wait in run.waits.values() if wait in found])


def time_out(run: Run) -> None:
    """A signal that has come in time wins; a sleep that is over is completed."""
    due = run.due_timers(is_wait=True)
    if due:
        deliver(run)
        run.settle()
    waits = [run.waits[key] for key in due if run.waits[key].is_open]
    resolve(run, [
        Resolution(wait, "completed" if wait.kind == "sleep" else "timed_out") for wait in waits
    ])  # fmt: skip
    run.settle()


def resolve(run: Run, resolutions: list[Resolution]) -> None:
    for done in resolutions:
        close(run, done.wait, done.outcome)
        done.wait.payload, done.wait.error = done.payload, done.error
        if done.signal is not None:
            done.signal.consumer, done.signal.is_new = done.wait, False
            done.signal.run_id = run.run_id
    _apply(run, resolutions)


def close(run: Run, wait: Wait, outcome: str) -> None:
    run.world.close(wait, outcome)
    run.drop_timer(wait.timer)


def close_all(run: Run, slug: str, index: int | None = None) -> None:
    """Of tasks that have ended without them."""
    for wait in run.waits.values():
        if wait.is_open and wait.slug == slug and index in (None, wait.index):
            close(run, wait, "cancelled")
            children.doom(run.world, wait)


def _apply(run: Run, resolutions: list[Resolution]) -> None:
    """What failed, then what is skipped, then what is completed, then the bodies."""
    of_steps = {done.wait.slug: done for done in resolutions if not done.wait.name}
    ends = {slug: _end_of_wait(run, done) for slug, done in of_steps.items()}
    failing = {
        slug: f'step "{slug}" failed: {error}'
        for slug, (action, error) in ends.items()
        if action == "fail"
    }
    if failing:
        run.fail_steps(failing)
        return
    for slug, (action, error) in ends.items():
        if action != "complete":
            run.skip(slug, of_steps[slug].outcome, action, error)
    for slug, (action, output) in ends.items():
        if action == "complete":
            run.steps[slug].complete(output)
    resolved = [done.wait for done in resolutions if done.wait.name]
    for place in dict.fromkeys((wait.slug, wait.index) for wait in resolved):
        bodies.wake(run, place, [wait for wait in resolved if (wait.slug, wait.index) == place])


def _end_of_wait(run: Run, done: Resolution) -> tuple[str, Any]:
    """What the step does that waited, with its output or its error."""
    slug, step = done.wait.slug, run.step(done.wait.slug)
    policies = {
        "failed": "fail",
        "timed_out": step.when_timeout,
        "rejected": step.when_rejected,
    }
    policy = policies.get(done.outcome, "complete")
    if policy in ("fail", "skip", "skip-cascade"):
        return policy, done.error or _lateness(run, done.wait)
    output = step.default_output if policy == "default" else done.payload
    misfit = attempts.misfit(run, (slug, 0), output)
    return ("fail", misfit) if misfit else ("complete", output)


def _lateness(run: Run, wait: Wait) -> str:
    timeout = run.step(wait.slug).timeout
    if wait.approval is not None:
        return f'approval "{wait.approval.title}" was not decided within {timeout} s'
    return f'signal "{wait.signal}" did not come within {timeout} s'

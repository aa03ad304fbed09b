"""stepgres watch shows the progress of a run until the run has ended."""

from __future__ import annotations

import sys
from contextlib import closing
from time import monotonic, sleep
from typing import TYPE_CHECKING, Protocol

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import FAILED, Failure
from stepgres.cli.output import local_time, print_json, printable, rich_console, takes_json
from stepgres.cli.run_views import progress_text, state_of, tasks_text, took, waits_text

if TYPE_CHECKING:
    from uuid import UUID

    from rich.console import Console

    from stepgres._client.client import Client
    from stepgres.types import RunDetails, RunStep

_LOOK_INTERVAL = 5.0  # seconds between reads of a run, in case a notification is lost
_PAUSE = 0.1  # seconds at least between reads, and ten times the duration of a read
_LONGEST_PAUSE = 5.0
_REASONS_SHOWN = 3


@click.command()
@click.argument("run_id", metavar="RUN", type=click.UUID)
@takes_json
@takes_dsn
def watch(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Show the progress of a run until the run has ended, and print its output.

    The progress goes to standard error. The output of the run goes to standard output as JSON. With
    --json the whole run goes to standard output.

    The exit code is 0 if the run is completed, and 1 if the run has failed. Ctrl-C ends the
    command, not the run.
    """
    with connected(dsn) as client:
        finish(client, run_id, as_json=as_json)


def finish(client: Client, run_id: UUID, *, as_json: bool, is_quiet: bool = False) -> None:
    """Watch a run, then print its output or fail with its error."""
    run = _watch(client, run_id, is_quiet)
    if as_json:
        print_json(run)
        if run.status == "failed":
            raise click.exceptions.Exit(FAILED)
    elif run.status == "failed":
        raise Failure(
            f"run {run_id} {state_of(run)}: {run.error}",
            f"stepgres runs show {run_id} tells more.",
        )
    else:
        print_json(run.output)


def _watch(client: Client, run_id: UUID, is_quiet: bool) -> RunDetails:
    from stepgres._client.waiting import Subscription

    console = rich_console(sys.stderr)
    display: _Display = _Lines() if console is None else _Bars(console)
    if is_quiet:
        display = _Nothing()
    with Subscription(client, run_id, every_change=True) as subscription, closing(display):
        last = None
        while True:
            began = monotonic()
            run = client.get_run(run_id)
            # An unchanged run shows its reasons, most often a missing worker.
            display.show(run, _reasons(client, run_id) if run == last else [])
            last = run
            if run.status != "started":
                return run
            # Frequent reads would slow down a run that changes all the time.
            sleep(min(max(_PAUSE, 10 * (monotonic() - began)), _LONGEST_PAUSE))
            subscription.wait(_LOOK_INTERVAL)


def _reasons(client: Client, run_id: UUID) -> list[str]:
    """Return the reasons for which a run does not progress."""
    return [
        printable(
            f"{reason.step_slug} waits for {reason.waits_for}: {reason.detail}"
            + (f", until {local_time(reason.until)}" if reason.until else "")
        )
        for reason in client.why_stuck(run_id)
        if reason.waits_for not in ("dependency", "lease")
    ][:_REASONS_SHOWN]


class _Display(Protocol):
    def show(self, run: RunDetails, reasons: list[str]) -> None: ...
    def close(self) -> None: ...


class _Nothing:
    """A display that shows no progress, for programs that only wait."""

    def show(self, run: RunDetails, reasons: list[str]) -> None:
        pass

    def close(self) -> None:
        pass


class _Lines:
    """Prints a line for each change of a step, and for each tenth of its tasks and progress."""

    def __init__(self) -> None:
        self._seen: dict[str, object] = {}
        self._reasons: list[str] = []

    def show(self, run: RunDetails, reasons: list[str]) -> None:
        for step in run.steps:
            if step.status != "created":
                # The waits of a large map come and go: their kinds and names stay.
                waits = {(w.kind, w.signal) for w in step.waits if w.resolved_at is None}
                messages = {progress.message for progress in step.progress}
                state = (step.status, int(10 * _share(step)), waits, messages)
                self._say(step.step_slug, state, _text(step))
        self._say(f"run {run.run_id}", state_of(run), state_of(run))
        if reasons and self._reasons != reasons:
            self._reasons = reasons
            click.echo("\n".join(reasons), err=True)

    def close(self) -> None:
        pass

    def _say(self, what: str, state: object, text: str) -> None:
        if self._seen.get(what) != state:
            self._seen[what] = state
            click.echo(f"{what}: {printable(text)}", err=True)


class _Bars:
    """Shows a live bar for the run, and for as many steps as the terminal has room for."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, run: RunDetails, reasons: list[str]) -> None:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        finished = sum(_is_finished(step) for step in run.steps)
        total = len(run.steps)
        grid.add_row(
            Text(run.workflow_slug, style="bold"),
            ProgressBar(total=total, completed=finished, width=30),
            Text(f"{state_of(run)}, {finished:,} of {total:,} steps"),
        )
        for step in self._choose(run.steps):
            grid.add_row(
                Text(step.step_slug),
                ProgressBar(total=1, completed=_share(step), width=30),
                Text(printable(_text(step)), overflow="ellipsis", no_wrap=True),
            )
        self._live.update(Group(grid, *map(Text, reasons)), refresh=True)

    def close(self) -> None:
        self._live.stop()

    def _choose(self, steps: list[RunStep]) -> list[RunStep]:
        """Return all steps, or if too many, first the running steps and then the next steps."""
        room = max(self._live.console.height - 3 - _REASONS_SHOWN, 1)
        if len(steps) <= room:
            return steps
        started = [step for step in steps if step.status == "started"]
        created = [step for step in steps if step.status == "created"]
        chosen = {step.step_slug for step in [*started, *created, *steps][:room]}
        return [step for step in steps if step.step_slug in chosen]


def _is_finished(step: RunStep) -> bool:
    return step.status not in ("created", "started")


def _share(step: RunStep) -> float:
    """Return the finished share of a step, from 0 to 1."""
    if _is_finished(step):
        return 1
    done: float = step.tasks.get("completed", 0) + step.tasks.get("skipped", 0)
    done += sum(min(p.done / p.total, 1) for p in step.progress if p.total)
    return done / step.initial_tasks if step.initial_tasks else 0


def _text(step: RunStep) -> str:
    if not _is_finished(step):
        parts = [step.status, tasks_text(step), waits_text(step.waits), progress_text(step)]
        return ", ".join(filter(None, parts))
    duration = step.started_at and took(step.started_at, step.finished_at)
    text = f"{step.status} in {duration}" if duration else step.status
    if step.status == "completed" and step.tasks.get("skipped"):
        text += f", {step.tasks['skipped']:,} of {sum(step.tasks.values()):,} tasks skipped"
    reason = step.error or step.skip_reason
    return f"{text}: {reason}" if reason else text

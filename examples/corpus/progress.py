"""Shows how a run is doing while it is executed: all that is to know about it stands in tables."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import psycopg
from psycopg.rows import class_row
from rich.progress import BarColumn, Progress, TaskID, TextColumn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from rich.console import Console

_INTERVAL = 0.1  # seconds


@dataclass(frozen=True)
class StepState:
    """A step of the run; how many tasks it has is known when it starts."""

    slug: str
    tasks: int | None
    done: int | None
    seconds: float | None

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.seconds is not None:
            return 1
        return self.done / self.tasks if self.done and self.tasks else 0

    def __str__(self) -> str:
        if self.tasks is None:
            return "waits"
        if self.seconds is None:
            return f"{self.done:,} of {self.tasks:,}"
        return f"{self.tasks:,} {'task' if self.tasks == 1 else 'tasks'} in {self.seconds:.1f} s"


def read_steps(connection: psycopg.Connection[object], run_id: UUID) -> list[StepState]:
    """The steps of a run as they are now, in the order of the workflow."""
    query = """
        select
            step_slug as slug,
            state.initial_tasks as tasks,
            state.initial_tasks - state.remaining_tasks as done,
            extract(epoch from state.finished_at - state.started_at)::float8 as seconds
        from stepgres.runs
        join stepgres.steps using (workflow_slug, version)
        join stepgres.step_states as state using (run_id, step_slug)
        where run_id = %s
        order by step_index
    """
    with connection.cursor(row_factory=class_row(StepState)) as cursor:
        return cursor.execute(query, [run_id]).fetchall()


@contextmanager
def show_progress(dsn: str, run_id: UUID, console: Console) -> Iterator[None]:
    """Show the progress of a run during the `with` block, from a thread with its own connection."""
    is_over = threading.Event()
    is_live = console.is_interactive and console.file.isatty()
    display: _Display = _Bars(console) if is_live else _Lines(console)

    def watch() -> None:
        # If the server is gone, the executor says so.
        with suppress(psycopg.Error), psycopg.connect(dsn, autocommit=True) as connection:
            while not is_over.wait(_INTERVAL):
                display.show(read_steps(connection, run_id))
            display.show(read_steps(connection, run_id))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        display.close()


class _Display(Protocol):
    def show(self, steps: list[StepState]) -> None: ...
    def close(self) -> None: ...


class _Bars:
    """A live bar for each step."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}
        self._progress.start()

    def show(self, steps: list[StepState]) -> None:
        for step in steps:
            if step.slug not in self._bars:
                self._bars[step.slug] = self._progress.add_task(step.slug, total=1, state="")
            self._progress.update(self._bars[step.slug], completed=step.share, state=str(step))

    def close(self) -> None:
        self._progress.stop()


class _Lines:
    """A line for each tenth of a step, where nothing can be redrawn."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tenths: dict[str, int] = {}

    def show(self, steps: list[StepState]) -> None:
        for step in steps:
            tenths = int(10 * step.share)
            if tenths > self._tenths.get(step.slug, 0):
                self._tenths[step.slug] = tenths
                self._console.print(f"{step.slug}: {step}", highlight=False)

    def close(self) -> None:
        pass

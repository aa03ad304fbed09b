"""The command `stepgres`. Each group of its commands has a module."""

from __future__ import annotations

import click

from stepgres._version import __version__
from stepgres.cli.approvals import approvals
from stepgres.cli.checkpoints import checkpoints
from stepgres.cli.dashboard import dashboard
from stepgres.cli.errors import Commands
from stepgres.cli.goals import goals
from stepgres.cli.installation import install, uninstall, upgrade, version
from stepgres.cli.limits import limits
from stepgres.cli.maintenance import fsck, prune
from stepgres.cli.monitoring import check, metrics
from stepgres.cli.resources import channels, queues, workers
from stepgres.cli.runs import runs
from stepgres.cli.schedules import schedules
from stepgres.cli.signals import signal, waits
from stepgres.cli.watching import watch
from stepgres.cli.worker import worker
from stepgres.cli.workflows import workflows

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stepgres")
def main() -> None:
    """Durable workflows in a PostgreSQL database: set it up, run workers, watch and steer runs.

    DSN is a libpq connection string, such as postgresql://user@host/database, or the word
    "embedded" for the private server of this user. Without one, STEPGRES_DSN is used, then the
    usual PG* variables.

    Lists are tables for people. With --json lists are complete JSON for programs.

    \b
    Exit codes:
      0    done; for watch and --wait: the run is completed
      1    for watch and --wait: the run has failed; fsck has found something
      2    wrong command line, or wrong value of an argument
      3    no such run, workflow, schedule or limit
      4    not possible now: the run has ended, or is not paused, and the like
      5    the database cannot be reached, has no Stepgres, or refuses
      6    the output cannot be written
      130  interrupted
    The worker and check have their own exit codes: see stepgres worker --help.
    """


for _command in (
    *(install, upgrade, uninstall, version, worker, runs, workflows, schedules, limits, goals),
    *(watch, signal, waits, approvals, checkpoints, workers, queues, channels, dashboard, metrics),
    *(check, prune, fsck),
):
    main.add_command(_command)

"""stepgres metrics, check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import USAGE, Failure, explain
from stepgres.cli.output import (
    Column,
    duration_text,
    print_json,
    print_table,
    printable,
    takes_json,
)
from stepgres.cli.parameters import DURATION, INTEGER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepgres.types import Metric, Throughput

    Values = Mapping[str, Mapping[str, float]]  # by the name and the label of a metric

OK, WARNING, CRITICAL, UNKNOWN = range(4)  # exit codes that Nagios and its kin agree on
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_SEVERITY = (OK, UNKNOWN, WARNING, CRITICAL)


@click.command()
@click.option("--prometheus", is_flag=True, help="Print the text that Prometheus reads.")
@takes_json
@takes_dsn
def metrics(prometheus: bool, as_json: bool, dsn: str | None) -> None:
    """Show counters of tasks and runs, and the state of queues, workers, waits and tick."""
    if prometheus and as_json:
        raise click.UsageError("--prometheus and --json exclude one another.")
    with connected(dsn) as client:
        found = client.list_metrics()
    if as_json:
        print_json(found)
    elif prometheus:
        try:
            from stepgres.web.prometheus import metrics_text
        except ImportError as error:
            raise Failure(str(error), exit_code=USAGE) from error
        click.echo(metrics_text(found)[0].decode(), nl=False)
    else:
        print_table(
            [Column("METRIC"), Column("LABELS"), Column("VALUE", is_number=True)],
            [
                [m.name, " ".join(f"{k}={v}" for k, v in m.labels.items()), f"{m.value:,.10g}"]
                for m in found
            ],
        )


class _Check(NamedTuple):
    """A check, with the values from which on it warns and is critical."""

    warning: float
    critical: float
    unit: str = ""


class _Finding(NamedTuple):
    name: str
    state: int
    value: float | None
    limits: _Check
    text: str


_CHECKS = {
    "failures": _Check(1, 10),
    "leases": _Check(1, 10),
    "oldest": _Check(300, 1800, "s"),
    "workers": _Check(30, 300, "s"),
    "tick": _Check(60, 300, "s"),
    "paused": _Check(60, 86400, "s"),
    "on_failure": _Check(1, 10),
}


class _WrongUsage(click.UsageError):
    exit_code = UNKNOWN


class _Probe(click.Command):
    """A command that says UNKNOWN if it cannot find out anything."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _WrongUsage(error.message, error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = None if isinstance(error, click.ClickException) else explain(error)
            if failure is None:
                raise
            click.echo(f"STEPGRES UNKNOWN - {printable(failure.message)}")
            raise click.exceptions.Exit(UNKNOWN) from error


def _read_limits(
    ctx: click.Context, param: click.Parameter, given: Sequence[str]
) -> dict[str, float]:
    limits = {}
    for text in given:
        name, equals, value = text.partition("=")
        if name not in _CHECKS or not equals:
            raise click.BadParameter(
                f"{text!r} is not NAME=VALUE with one of the names {', '.join(_CHECKS)}.",
                ctx,
                param,
            )
        limits[name] = (DURATION if _CHECKS[name].unit else INTEGER).convert(value, param, ctx)
    return limits


@click.command(cls=_Probe)
@click.option(
    "--warning",
    "-w",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_limits,
    help="From which value on a check warns, such as failures=5 or oldest=10m.",
)
@click.option(
    "--critical",
    "-c",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_limits,
    help="From which value on a check is critical.",
)
@click.option(
    "--window",
    type=DURATION,
    default="10m",
    show_default=True,
    help="The time for failures and leases, from 1m to 2d.",
)
@click.option(
    "--only", multiple=True, type=click.Choice([*_CHECKS]), help="Check only this. Repeatable."
)
@takes_json
@takes_dsn
def check(
    warning: dict[str, float],
    critical: dict[str, float],
    window: float,
    only: Sequence[str],
    as_json: bool,
    dsn: str | None,
) -> None:
    """Say in one line whether all is well, for Nagios, Icinga, Zabbix and the like.

    \b
    Checks, and the values from which on they warn and are critical:
      failures    runs that have failed in the window: 1, 10
      leases      workers whose leases have run out in the window: 1, 10
      oldest      wait of the first task of a queue: 5m, 30m
      workers     the same, of queues without a live worker: 30s, 5m
      tick        time by which tick is late: 1m, 5m
      paused      time since a queue was paused: 1m, 1d
      on_failure  failed runs whose on_failure could not be started: 1, 10

    \b
    Exit codes:
      0    all is well
      1    a check warns
      2    a check is critical
      3    unknown: the database cannot be asked, metrics are off, or the command line is wrong
    """
    names = only or [*_CHECKS]
    with connected(dsn) as client:
        found = client.list_metrics()
        lately = client.list_throughput(window, 60)
    measured = _measure(_by_label(found), lately, duration_text(window))
    findings = []
    for name, default in _CHECKS.items():
        if name not in names:
            continue
        limits = _Check(warning.get(name, default.warning), critical.get(name, default.critical))
        value, text = measured[name]
        findings.append(_Finding(name, _state(value, limits), value, limits, text))
    state = max((finding.state for finding in findings), key=_SEVERITY.index)
    if as_json:
        print_json(
            [
                {
                    "name": finding.name,
                    "state": _STATES[finding.state],
                    "value": finding.value,
                    "warning": finding.limits.warning,
                    "critical": finding.limits.critical,
                    "text": finding.text,
                }
                for finding in findings
            ]
        )
    else:
        told = [f.text for f in findings if f.state == state]
        data = " ".join(map(_performance, findings))
        click.echo(f"STEPGRES {_STATES[state]} - {printable('; '.join(told))} | {data}")
    raise click.exceptions.Exit(state)


def _by_label(found: Sequence[Metric]) -> Values:
    values: dict[str, dict[str, float]] = {}
    for metric in found:
        label = "".join(metric.labels.values())
        values.setdefault(metric.name.removeprefix("stepgres_"), {})[label] = metric.value
    return values


def _measure(
    values: Values, lately: Sequence[Throughput], window: str
) -> dict[str, tuple[float | None, str]]:
    """Return the value of each check, and what it says about it."""
    failed = sum(part.runs_failed for part in lately)
    expired = sum(part.leases_expired for part in lately)
    is_counting = values["counting"][""] == 1
    waits = {queue: s for queue, s in values.get("queue_oldest_seconds", {}).items() if s > 0}
    unserved = {queue: s for queue, s in waits.items() if not values["queue_workers"][queue]}
    unstarted = values["failures_unstarted"][""]
    off = (None, "metrics are off, nothing is counted")
    return {
        "failures": (failed, f"{failed:,} failed runs in {window}") if is_counting else off,
        "leases": (expired, f"{expired:,} expired leases in {window}") if is_counting else off,
        "oldest": _longest(waits, "the first task of queue {} waits for {}", "no task waits"),
        "workers": _longest(
            unserved,
            "queue {} has tasks and no worker, for {}",
            "every queue with tasks has a worker",
        ),
        "tick": _lateness(values),
        "paused": _longest(
            values.get("queue_paused_seconds", {}),
            "queue {} has been paused for {}",
            "no queue is paused",
        ),
        "on_failure": (
            unstarted,
            f"on_failure could not be started for {unstarted:,.0f} failed runs"
            if unstarted
            else "on_failure was started for all failed runs",
        ),
    }


def _longest(waits: Mapping[str, float], text: str, otherwise: str) -> tuple[float, str]:
    if not waits:
        return 0, otherwise
    queue, seconds = max(waits.items(), key=lambda wait: wait[1])
    return seconds, text.format(f'"{queue}"', duration_text(seconds))


def _lateness(values: Values) -> tuple[float | None, str]:
    """Return the age of tick, if anything needs it: runs, workers, or a due time."""
    late = values["schedules_overdue_seconds"][""]
    if values["runs_active"][""] or values["workers"][""]:
        if "tick_age_seconds" not in values:
            return None, "tick was never called"
        late = max(late, values["tick_age_seconds"][""])
    if not late:
        return 0, "nothing needs tick"
    return late, f"tick was not at work for {duration_text(late)}"


def _state(value: float | None, limits: _Check) -> int:
    if value is None:
        return UNKNOWN
    if value >= limits.critical:
        return CRITICAL
    return WARNING if value >= limits.warning else OK


def _performance(finding: _Finding) -> str:
    """Return the value in the form that monitors draw: name=value with its unit and limits."""
    unit = _CHECKS[finding.name].unit
    value = "U" if finding.value is None else f"{finding.value:.10g}{unit}"
    return f"{finding.name}={value};{finding.limits.warning:g};{finding.limits.critical:g};0"

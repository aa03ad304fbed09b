"""The Dockerfiles and compose.yaml, as far as they can be checked without Docker."""

from __future__ import annotations

import json
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stepgres import __version__
from stepgres.cli import main

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted(ROOT.glob("docker/*/Dockerfile"))

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, comments and line ends gone."""
    lines = re.sub(r"\\\n", " ", dockerfile.read_text(encoding="utf-8")).splitlines()
    return [
        (word.upper(), rest)
        for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]


def compose() -> dict[str, Any]:
    text = (ROOT / "docker/compose.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


SERVICES: dict[str, dict[str, Any]] = compose()["services"]


def entry_point(service: dict[str, Any]) -> list[str]:
    """What a service runs: its own entrypoint, or that of its image."""
    own: list[str] | None = service.get("entrypoint")
    image = dict(instructions(ROOT / service["build"]["dockerfile"]))
    return own or json.loads(image.get("ENTRYPOINT", "[]"))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_is_pinned_and_does_not_run_as_root(dockerfile: Path) -> None:
    lines = instructions(dockerfile)
    bases = [rest for word, rest in lines if word == "FROM"]
    assert [base for base in bases if not re.match(r"\w+:\d+\.\d+(\.\d+)?(-slim)?\b", base)] == []
    assert [rest for word, rest in lines if word == "USER"][-1:] not in ([], ["root"], ["0"])
    last_user = max(i for i, (word, _) in enumerate(lines) if word == "USER")
    assert [word for word, _ in lines[last_user:] if word in ("RUN", "COPY", "FROM")] == []


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_is_copied_exists(dockerfile: Path) -> None:
    copies = [rest.split() for word, rest in instructions(dockerfile) if word == "COPY"]
    sources = [path for words in copies if "--from" not in words[0] for path in words[:-1]]
    assert sources
    assert [path for path in sources if not (ROOT / path).exists()] == []


def test_what_pip_installs_is_pinned() -> None:
    installs = [
        rest for file in DOCKERFILES for word, rest in instructions(file) if "pip install" in rest
    ]
    assert len(installs) == len(DOCKERFILES)
    for line in installs:
        packages = [word for word in line.partition("pip install")[2].split() if word[0] != "-"]
        assert "PIP_CONSTRAINT=" in line or [p for p in packages if "==" not in p] == []


def test_every_dependency_of_the_worker_has_its_version() -> None:
    lines = (ROOT / "docker/worker/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = {canonicalize_name(pin.name) for pin in pins}
    assert [str(pin) for pin in pins if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    assert dependencies("stepgres", {"cli"}) - pinned == set()


def dependencies(name: str, extras: set[str]) -> set[str]:
    """The names of all that is installed along with a package."""
    found: set[str] = set()
    for requirement in map(Requirement, requires(name) or []):
        environments = [{"extra": extra, "python_version": "3.12"} for extra in extras | {""}]
        marker = requirement.marker
        if marker is None or any(marker.evaluate(environment) for environment in environments):
            found.add(canonicalize_name(requirement.name))
            found |= dependencies(requirement.name, requirement.extras)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_a_pinned_image_and_is_no_root(name: str) -> None:
    service = SERVICES[name]
    assert service["image"].endswith(f":{__version__}")
    assert "user" not in service
    assert "privileged" not in service
    assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).exists()
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_waits_for_services_that_there_are(name: str) -> None:
    conditions = {
        other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()
    }
    assert set(conditions) <= set(SERVICES)
    for other, condition in conditions.items():
        assert condition != "service_healthy" or "healthcheck" in SERVICES[other]


def test_there_are_three_workers_that_have_time_to_stop() -> None:
    worker = SERVICES["worker"]
    grace = worker["command"][worker["command"].index("--grace") + 1]
    assert worker["deploy"]["replicas"] == 3
    assert int(worker["stop_grace_period"].removesuffix("s")) > int(grace)


@pytest.mark.parametrize("name", ["database", "worker"])
def test_what_runs_on_has_a_health_check(name: str) -> None:
    word, program, *_ = SERVICES[name]["healthcheck"]["test"]
    assert word == "CMD"
    assert program in ("pg_isready", "stepgres")


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"database"}))
def test_command_of_a_service_exists(name: str) -> None:
    service = SERVICES[name]
    commands = [[*entry_point(service), *service["command"]]]
    commands += [service["healthcheck"]["test"][1:]] if "healthcheck" in service else []
    for program, *arguments in commands:
        if program == "python":
            assert (ROOT / arguments[0]).exists()
        else:
            assert program == "stepgres"
            name, *options = arguments
            assert f"\n  {name} " in CliRunner().invoke(main, ["--help"]).output
            main.commands[name].make_context(name, options)  # knows the options


def test_secrets_come_from_outside() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            assert not name.endswith("PASSWORD") or re.fullmatch(r"\$\{\w+:\?\}", value)

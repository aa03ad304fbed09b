"""The endpoint that Prometheus scrapes."""

from __future__ import annotations

import sys

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import HTTPConnection
from starlette.routing import Route

from stepgres import AsyncClient, Client
from stepgres.web import metrics
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.webserver import pages


@pytest.fixture
def scraped(db: Database) -> AsyncClient:
    return AsyncClient(db.dsn)


def test_prometheus_gets_every_metric(scraped: AsyncClient, client: Client, engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.drain()
    engine.call("tick")
    with pages(scraped, Route("/metrics", metrics(scraped))) as address:
        response = httpx.get(f"http://{address}/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["cache-control"] == "no-store"
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    listed = {(m.name, *m.labels.values()): m.value for m in client.list_metrics()}
    assert samples.keys() == listed.keys()
    assert samples["stepgres_tasks_total", "completed"] == 1
    assert samples["stepgres_task_run_seconds_count",] == 1


def test_openmetrics_is_sent_to_a_scraper_that_accepts_it(scraped: AsyncClient) -> None:
    with pages(scraped, Route("/metrics", metrics(scraped))) as address:
        accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        response = httpx.get(f"http://{address}/metrics", headers={"accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    found = openmetrics.text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in found}
    assert families["stepgres_runs"].type == "counter"
    assert families["stepgres_task_wait_seconds"].type == "summary"
    assert families["stepgres_workers"].type == "gauge"
    assert families["stepgres_tasks"].documentation == "Tasks that have ended, by outcome."


def test_a_stranger_gets_403(scraped: AsyncClient) -> None:
    async def authorize(request: HTTPConnection) -> bool:
        return request.headers.get("authorization") == "Bearer secret"

    route = Route("/metrics", metrics(scraped, authorize=authorize))
    with pages(scraped, route) as address:
        url = f"http://{address}/metrics"
        assert httpx.get(url).status_code == 403
        headers = {"authorization": "Bearer secret"}
        assert httpx.get(url, headers=headers).status_code == 200


def test_a_database_that_is_away_is_503() -> None:
    scraped = AsyncClient("host=/nowhere dbname=nothing")
    with pages(scraped, Route("/metrics", metrics(scraped))) as address:
        assert httpx.get(f"http://{address}/metrics").status_code == 503


def test_a_client_that_waits_in_threads_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="AsyncClient"):
        metrics(client)  # type: ignore[arg-type]


def test_without_the_library_the_error_says_what_to_install(
    scraped: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    monkeypatch.delitem(sys.modules, "stepgres.web.prometheus", raising=False)
    with pytest.raises(ImportError, match=r'pip install "stepgres\[web\]"'):
        metrics(scraped)

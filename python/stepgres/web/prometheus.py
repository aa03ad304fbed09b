"""Metrics as text for Prometheus and for whatever reads its formats."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector, CollectorRegistry
except ImportError as missing:
    raise ImportError(
        'metrics as text need prometheus-client: pip install "stepgres[web]"'
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric as Family

    from stepgres.types import Metric


def metrics_text(found: Sequence[Metric], accept: str = "") -> tuple[bytes, str]:
    """Return metrics in the format that the header Accept asks for, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Found(found))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Found(Collector):
    """Metrics that were read from the database before a registry asks for them."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Family]:
        for name, metrics in groupby(self._found, _family_name):
            yield _family(name, list(metrics))


def _family_name(metric: Metric) -> str:
    if metric.type == "summary":
        return metric.name.rpartition("_")[0]
    return metric.name


def _family(name: str, metrics: Sequence[Metric]) -> Family:
    first = metrics[0]
    if first.type == "summary":
        values = {metric.name: metric.value for metric in metrics}
        return SummaryMetricFamily(
            name,
            first.help,
            count_value=int(values[f"{name}_count"]),
            sum_value=values[f"{name}_sum"],
        )
    make = CounterMetricFamily if first.type == "counter" else GaugeMetricFamily
    family = make(name, first.help, labels=list(first.labels))
    for metric in metrics:
        family.add_metric(list(metric.labels.values()), metric.value)
    return family

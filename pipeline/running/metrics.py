"""A run as Prometheus sees it: counters and gauges on a port, from the receipts of finished units.

The metrics are listed in docs/operations.md; `docs/grafana.json` draws them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.lock import flat_counts
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.unit import Step, Unit

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PORT = 9464  # the one that OpenTelemetry gives to Prometheus exporters
REJECTED = "rejected: "
SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)


class Metrics:
    """Follows a run like a progress bar does. Serves `http://HOST:PORT/metrics` until it is closed; port 0 takes any."""

    def __init__(self, address: str, stage: str) -> None:
        """`address`: `9464` for this machine alone, or `0.0.0.0:9464`.

        Raises `ConfigurationError` where the port is taken, no port, or `prometheus_client` isn't installed.
        """
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, start_http_server
        except ImportError:
            raise ConfigurationError("--metrics needs an extra: pip install 'winnow-corpora[watch]'") from None
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry()
        Info("winnow_run", "what is built", registry=registry).info({"stage": stage})
        by_step: dict[str, Any] = {"labelnames": ("step",), "registry": registry}
        self._planned = Gauge("winnow_step_units", "units that a step has", **by_step)
        self._done = Gauge("winnow_step_units_done", "units of a step that are done, earlier runs' too", **by_step)
        self._seconds = Histogram("winnow_unit_seconds", "seconds of a worker for a unit", buckets=SECONDS, **by_step)
        self._counted = {
            "documents": Counter("winnow_documents", "documents that units took", **by_step),
            "bytes": Counter("winnow_text_bytes", "bytes of text that units took", **by_step),
            "tokens": Counter("winnow_tokens", "tokens that units made", **by_step),
        }
        self._written = Counter("winnow_written_bytes", "bytes that units wrote", **by_step)
        self._rejected = Counter("winnow_rejections", "documents left out", ("step", "rule"), registry=registry)
        self._retried = Counter("winnow_retries", "units tried again alone: every worker with them died", **by_step)
        self._failed = Counter("winnow_failures", "units that could not be finished", **by_step)
        registry.register(_Memory())
        try:
            self._server, self._thread = start_http_server(int(port), host or "127.0.0.1", registry)
        except (ValueError, OSError, OverflowError) as error:
            raise ConfigurationError(f"--metrics {address}: {error}; give PORT or HOST:PORT") from None

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        """Ends the server; Prometheus keeps what it has seen."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def cluster_started(self, dashboard: str) -> None:
        """Nothing to count."""

    def step_started(self, step: Step[Any], units: int, done: int) -> None:
        self._planned.labels(step.name).set(units)
        self._done.labels(step.name).set(done)

    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None:
        self._done.labels(step.name).inc()
        self._seconds.labels(step.name).observe(receipt.seconds)
        self._written.labels(step.name).inc(sum(output.bytes for output in receipt.outputs))
        for name, count in flat_counts(receipt.counts):
            if name in self._counted:
                self._counted[name].labels(step.name).inc(count)
            elif name.startswith(REJECTED):
                self._rejected.labels(step.name, name.removeprefix(REJECTED)).inc(count)
            elif name == "dropped":
                self._rejected.labels(step.name, step.name.rpartition(".")[0] or step.name).inc(count)

    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None:
        self._retried.labels(step.name).inc()

    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None:
        self._failed.labels(step.name).inc()

    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
        self._done.labels(step.name).set(len(receipts))


class _Memory:
    """Resident bytes of this process and of those that it started, as they are when somebody asks."""

    def collect(self) -> Iterator[Metric]:
        import psutil
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily("winnow_memory_bytes", "resident memory on this machine", labels=["process"])
        here = psutil.Process(os.getpid())
        family.add_metric(["conductor"], here.memory_info().rss)
        family.add_metric(["workers"], sum(_resident(here.children(recursive=True))))
        yield family


def _resident(processes: Iterable[Any]) -> Iterator[int]:
    import psutil

    for process in processes:
        try:
            yield process.memory_info().rss
        except psutil.Error:  # it ended meanwhile
            continue

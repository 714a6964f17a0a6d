"""A run as OpenTelemetry sees it: a span for the run, in it one for each step, in each of them one for every unit.

Sent by OTLP over HTTP to a collector (Jaeger, Tempo, the OpenTelemetry Collector …); one that can't be reached costs the
run nothing but its traces. What else the exporter asks for it takes from the environment, as OpenTelemetry has it
(`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES` …).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof.lock import flat_counts
from winnow.pipeline.record.receipt import Receipt
from winnow.stages.run.unit import Step, Unit

SERVICE = "winnow"
PATH = "/v1/traces"  # of OTLP over HTTP, below the collector's address
NANOSECONDS = 1_000_000_000


class Traces:
    """Follows a run like a progress bar does. Its spans end when it is closed, and are sent meanwhile in batches."""

    def __init__(self, collector: str, stage: str, *, parent: Mapping[str, str] | None = None) -> None:
        """`collector`: its address, such as `http://127.0.0.1:4318`. `parent`: headers of the trace that this run is a part
        of, `{"traceparent": "00-…"}`.

        Raises `ConfigurationError` where it is no address, or OpenTelemetry isn't installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.propagate import extract
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise ConfigurationError("--traces needs an extra: pip install 'winnow-corpora[otel]'") from None
        address = urlsplit(collector)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise ConfigurationError(f"--traces {collector}: no address of a collector, such as http://127.0.0.1:4318")
        exporter = OTLPSpanExporter(
            endpoint=collector if address.path.strip("/") else address.geturl().rstrip("/") + PATH
        )
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(__name__)
        self._run = self._tracer.start_span("run", extract(parent or {}), attributes={"winnow.stage": stage})
        self._step: Any = None

    def close(self) -> None:
        """Ends what is open and sends what is left. A step that is open then was broken off."""
        if self._step is not None:
            self._break_off(self._step)
            self._break_off(self._run)
            self._step.end()
        self._run.end()
        self._provider.shutdown()

    def cluster_started(self, dashboard: str) -> None:
        self._run.add_event("cluster", {"dashboard": dashboard})

    def step_started(self, step: Step[Any], units: int, done: int) -> None:
        told: dict[str, Any] = {
            "winnow.step": step.name,
            "winnow.version": step.version,
            "winnow.units": units,
            "winnow.done": done,
        }
        self._step = self._tracer.start_span(step.name, self._within(self._run), attributes=told)

    def unit_finished(self, step: Step[Any], receipt: Receipt) -> None:
        """A worker's seconds, as they ended just now: the clock of another machine isn't asked."""
        end = time.time_ns()
        told: dict[str, Any] = {
            "winnow.step": step.name,
            "winnow.unit": receipt.unit,
            "winnow.written_bytes": sum(output.bytes for output in receipt.outputs),
            **{f"winnow.{name}": count for name, count in flat_counts(receipt.counts)},
        }
        start = end - int(receipt.seconds * NANOSECONDS)
        span = self._tracer.start_span(receipt.unit, self._within(self._step), attributes=told, start_time=start)
        span.end(end)

    def unit_retried(self, step: Step[Any], unit: Unit[Any]) -> None:
        self._step.add_event("retry", {"winnow.unit": unit.name})

    def unit_failed(self, step: Step[Any], unit: str, reason: str) -> None:
        told = {"winnow.step": step.name, "winnow.unit": unit}
        span = self._tracer.start_span(unit, self._within(self._step), attributes=told)
        self._break_off(span, reason)
        span.end()

    def step_finished(self, step: Step[Any], receipts: Sequence[Receipt]) -> None:
        self._step.end()
        self._step = None

    def _within(self, span: Any) -> Any:
        from opentelemetry.trace import set_span_in_context

        return set_span_in_context(span)

    def _break_off(self, span: Any, reason: str = "") -> None:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR, reason or None)

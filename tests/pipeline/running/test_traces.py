"""Spans of a run as a collector on the loopback receives them, read by OpenTelemetry's own messages."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.running.progress import Together
from winnow.pipeline.running.traces import NANOSECONDS, Traces
from winnow.stages.run.unit import Step, Unit
from winnow.stages.run.workspace import Written

INGEST: Step[None] = Step(name="ingest", version=3, work=lambda workspace, unit: {})
MEASURE: Step[None] = Step(name="measure", version=1, work=lambda workspace, unit: {})
ERROR = 2  # of a span's status, in the protocol
PARENT = "0af7651916cd43dd8448eb211c80319c"


class Collector(ThreadingHTTPServer):
    """Keeps every span that it is sent."""

    spans: list[Any]
    paths: set[str]
    services: set[str]


class Receiving(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.paths.add(self.path)
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services |= {
                entry.value.string_value for entry in sent.resource.attributes if entry.key == "service.name"
            }
            self.server.spans += [span for scope in sent.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector(("127.0.0.1", 0), Receiving) as server:
        server.spans, server.paths, server.services = [], set(), set()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(collector: Collector) -> str:
    return f"http://127.0.0.1:{collector.server_port}"


def receipt(unit: str) -> Receipt:
    counts = {"documents": 10, "rejected": {"web.empty": 2}}
    return Receipt(
        step="ingest", unit=unit, fingerprint="f", outputs=(Written("a", 7, "d"),), counts=counts, seconds=2.5
    )


def attributes(span: Any) -> dict[str, Any]:
    return {entry.key: getattr(entry.value, entry.value.WhichOneof("value")) for entry in span.attributes}


def test_every_unit_is_a_span_in_that_of_its_step(collector: Collector) -> None:
    traces = Traces(address(collector), "mid", parent={"traceparent": f"00-{PARENT}-b7ad6b7169203331-01"})
    progress = Together([traces])
    progress.step_started(INGEST, 2, 0)
    for unit in ("web-0", "web-1"):
        progress.unit_finished(INGEST, receipt(unit))
    progress.step_finished(INGEST, [])
    traces.close()
    spans = {span.name: span for span in collector.spans}
    assert spans.keys() == {"run", "ingest", "web-0", "web-1"} and len(collector.spans) == 4
    assert collector.paths == {"/v1/traces"} and collector.services == {"winnow"}
    assert spans["web-0"].parent_span_id == spans["web-1"].parent_span_id == spans["ingest"].span_id
    assert spans["ingest"].parent_span_id == spans["run"].span_id
    assert {span.trace_id.hex() for span in collector.spans} == {PARENT}
    told = attributes(spans["web-1"])
    assert told["winnow.documents"] == 10 and told["winnow.rejected: web.empty"] == 2
    assert told["winnow.written_bytes"] == 7 and told["winnow.step"] == "ingest"
    assert attributes(spans["ingest"])["winnow.version"] == 3 and attributes(spans["run"])["winnow.stage"] == "mid"
    for unit in ("web-0", "web-1"):
        assert spans[unit].end_time_unix_nano - spans[unit].start_time_unix_nano == 2.5 * NANOSECONDS
    assert all(span.status.code != ERROR for span in collector.spans)


def test_a_run_that_is_broken_off_says_where_and_why(collector: Collector) -> None:
    traces = Traces(address(collector), "mid")
    progress = Together([traces])
    progress.step_started(MEASURE, 2, 1)
    progress.unit_retried(MEASURE, Unit(name="web-7", asked=None))
    progress.unit_failed(MEASURE, "web-7", "every worker that took this unit died")
    traces.close()
    spans = {span.name: span for span in collector.spans}
    assert {name for name, span in spans.items() if span.status.code == ERROR} == {"run", "measure", "web-7"}
    assert spans["web-7"].status.message == "every worker that took this unit died"
    assert [event.name for event in spans["measure"].events] == ["retry"]


@pytest.mark.parametrize("wrong", ["127.0.0.1:4318", "ftp://here", "http://"])
def test_what_is_no_collector_is_a_sentence(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--traces .*no address of a collector"):
        Traces(wrong, "mid")

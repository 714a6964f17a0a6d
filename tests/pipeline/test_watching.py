"""A run that is watched: its log as JSON, its metrics as Prometheus reads them, the dashboard that draws them."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from winnow.pipeline import terminal
from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.record.receipt import Receipt
from winnow.pipeline.running.log import JsonLog
from winnow.pipeline.running.metrics import Metrics
from winnow.pipeline.running.progress import Together
from winnow.stages.run.unit import Step, Unit
from winnow.stages.run.workspace import Workspace, Written

STEP: Step[None] = Step(name="ingest", version=1, work=lambda workspace, unit: {})
MINHASH: Step[None] = Step(name="deduplicate.minhash.drop", version=1, work=lambda workspace, unit: {})
RECEIPTS = [
    Receipt(
        step="ingest",
        unit=f"web-{number}",
        fingerprint="f",
        outputs=(Written(f"documents/web-{number}.parquet", 100, "d"),),
        counts={
            "documents": 10 + number,
            "bytes": 1000,
            "tokens": 7,
            "rejected": {"web.truncated": number, "web.empty": 1},
        },
        seconds=2.0,
    )
    for number in range(3)
]


def scraped(port: int) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def follow(progress: Together) -> None:
    progress.step_started(STEP, 5, 1)
    for receipt in RECEIPTS:
        progress.unit_finished(STEP, receipt)
    progress.unit_retried(STEP, Unit(name="web-9", asked=None))
    progress.unit_failed(STEP, "web-9", "every worker that took this unit died")
    progress.step_started(MINHASH, 1, 0)
    progress.unit_finished(MINHASH, Receipt(step=MINHASH.name, unit="p", fingerprint="f", counts={"dropped": 4}))
    progress.step_finished(MINHASH, RECEIPTS[:1])


def test_prometheus_reads_what_the_receipts_say() -> None:
    metrics = Metrics("0", "mid")
    try:
        follow(Together([metrics]))
        found = scraped(metrics.port)
    finally:
        metrics.close()
    assert found["winnow_step_units", "ingest"] == 5
    assert found["winnow_step_units_done", "ingest"] == 4
    assert found["winnow_documents_total", "ingest"] == 33
    assert found["winnow_text_bytes_total", "ingest"] == 3000
    assert found["winnow_tokens_total", "ingest"] == 21
    assert found["winnow_written_bytes_total", "ingest"] == 300
    assert found["winnow_rejections_total", "web.truncated", "ingest"] == 3
    assert found["winnow_rejections_total", "web.empty", "ingest"] == 3
    assert found["winnow_rejections_total", "deduplicate.minhash", "deduplicate.minhash.drop"] == 4
    assert found["winnow_unit_seconds_sum", "ingest"] == 6
    assert found["winnow_retries_total", "ingest"] == found["winnow_failures_total", "ingest"] == 1
    assert found["winnow_memory_bytes", "conductor"] > 1e7
    assert found["winnow_run_info", "mid"] == 1


def test_an_address_that_cant_be_served_is_a_message() -> None:
    metrics = Metrics("0", "mid")
    try:
        for wrong in (str(metrics.port), "nine", "127.0.0.1:99999"):
            with pytest.raises(ConfigurationError, match="--metrics"):
                Metrics(wrong, "mid")
    finally:
        metrics.close()


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    dashboard = (Path(__file__).parents[2] / "docs" / "grafana.json").read_text("utf-8")
    expressions = [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel.get("targets", ())]
    asked = {name for expression in expressions for name in re.findall(r"winnow_\w+", expression)}
    metrics = Metrics("0", "mid")
    try:
        follow(Together([metrics]))
        offered = {key[0] for key in scraped(metrics.port)}
    finally:
        metrics.close()
    assert len(asked) > 8 and asked <= offered


def test_a_log_of_json_has_one_event_a_line() -> None:
    stream = io.StringIO()
    log = JsonLog(stream)
    follow(Together([log]))
    terminal.console(log).print("two\nlines, \x1b[2J, s3://KEY:SECRET@bucket/x")  # type: ignore[arg-type]
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == [
        *("step", "unit", "unit", "unit", "retry", "failure", "step", "unit", "step_done", "message", "message"),
    ]
    assert events[2]["counts"]["documents"] == 11 and events[2]["step"] == "ingest"
    assert "SECRET" not in stream.getvalue() and "\x1b" not in stream.getvalue()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", event["time"]) for event in events)


def test_a_run_logs_json_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A text.\n" * 50)
    (tmp_path / "m.yaml").write_text(
        "stage: own\npacking: concatenate\nseed: 1\nmixture: {sources: {own: 100}}\ncurriculum: [{length: 64, share: 100}]\n"
    )
    (tmp_path / "p.yaml").write_text("sources: {own: [{kind: longform, content: books, paths: ['texts/*.txt']}]}\n")
    options = [
        "--stage",
        str(tmp_path / "m.yaml"),
        "--profile",
        str(tmp_path / "p.yaml"),
        "--out",
        str(tmp_path / "run"),
    ]
    command = [sys.executable, "-m", "winnow.pipeline.cli", "run", *options, "--until", "inventory", "--workers", "1"]
    done = subprocess.run(
        [*command, "--log-format", "json", "--metrics", "0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"step", "unit", "step_done", "message"} <= {event["event"] for event in events}


def test_status_watches_until_the_lock_is_written(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    workspace.write_bytes("plan.json", json.dumps({"steps": ["ingest"], "units": {"ingest": 3}}).encode())

    def finish() -> None:
        time.sleep(0.3)
        workspace.write_bytes("lock.json", b"{}")

    writer = threading.Thread(target=finish)
    writer.start()
    shown = CliRunner().invoke(cli, ["status", str(tmp_path), "--watch", "--every", "0.1"])
    writer.join()
    assert shown.exit_code == 0 and shown.output.count("not finished") >= 1
    assert shown.output.rstrip().endswith("finished: lock.json is written")

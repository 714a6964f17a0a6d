"""Runs that ask a server on loopback: nothing asked twice whatever is killed, the same lock, the key nowhere, no lost answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import Ingest
from tests.stages.generate.served import Answer, Body, completion, error, good, serving
from winnow.pipeline.cli import main

DEADLINE = 120.0
SECRET = "sk-9876543210abcdef"
MANIFEST: dict[str, Any] = {
    "stage": "anew",
    "seed": 5,
    "deduplicate": {"exact": {}},
    "mixture": {"sources": {"web": 100}},
    "generate": {
        "recipe": "rephrase",
        "server": "local",
        "model": "small",
        "prompt": "Tell anew: {text}",
        "answers": 2,
        "tokens": 50,
        "temperature": 0.7,
    },
}
INPUTS, ROWS = 3, 6
DOCUMENTS = INPUTS * ROWS - 1  # one is a copy of another


@dataclass(frozen=True)
class Asking:
    """A folder with a manifest, a profile and its inputs."""

    folder: Path

    def write(self, url: str, reached: dict[str, Any] | None = None, **generate: Any) -> Asking:
        manifest = {**MANIFEST, "generate": {**MANIFEST["generate"], **generate}}
        given = {"url": url, "tries": 2, "patience": 2, "concurrency": 2, **(reached or {})}
        inputs = [{"kind": "tables", "content": "prose", "paths": [f"{number}.jsonl"]} for number in range(INPUTS)]
        profile = {"root": str(self.folder), "servers": {"local": given}, "sources": {"web": inputs}}
        (self.folder / "anew.yaml").write_text(json.dumps(manifest))
        (self.folder / "where.yaml").write_text(json.dumps(profile))
        return self

    def command(self, name: str, out: Path, *options: str) -> list[str]:
        files = ("--stage", str(self.folder / "anew.yaml"), "--profile", str(self.folder / "where.yaml"))
        return [sys.executable, "-m", "winnow.pipeline.cli", name, *files, "--out", str(out), *options]

    def run(self, out: Path, workers: int = 1, **environment: str) -> subprocess.CompletedProcess[str]:
        command = self.command("run", out, "--workers", str(workers))
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})

    def told(self, out: Path, document: str) -> list[str]:
        return [sys.executable, "-m", "winnow.pipeline.cli", "explain", str(out), document]

    def plan(self, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command("plan", out, *options), capture_output=True, text=True, check=False)


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    for number in range(INPUTS):
        texts = [f"Of the orchard {number} the tree {row} bears pear{number}x{row}" for row in range(ROWS)]
        if number == 1:
            texts[0] = "Of the orchard 0 the tree 0 bears pear0x0"
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return Asking(tmp_path)


def lock(out: Path) -> bytes:
    return (out / "lock.json").read_bytes()


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted((out / "generated").iterdir()) for line in path.open()]


def step(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in json.loads(lock(out))["steps"] if entry["step"] == name)
    return found["counts"]  # type: ignore[no-any-return]


def test_each_document_that_is_left_is_asked_about_once_and_the_made_texts_are_the_next_runs_input(
    asking: Asking, tmp_path: Path, ingest: Ingest
) -> None:
    out = tmp_path / "run"
    with serving() as served:
        asking.write(served.url, {"input_price": 1.5, "output_price": 6})
        result = asking.run(out, workers=2)
        assert result.returncode == 0, result.stdout + result.stderr
        assert len(served.bodies) == 2 * DOCUMENTS == len({json.dumps(body) for body in served.bodies})
        assert served.most_open <= 4  # two workers, two each
        first = lock(out)
        assert asking.run(out).returncode == 0
        assert len(served.bodies) == 2 * DOCUMENTS and lock(out) == first
        planned = json.loads(asking.plan(out, "--json").stdout)["generate"]
    asked = step(out, "generate.ask")
    tokens = sum(len(row["text"].split()) for row in records(out))
    made = {(row["generation"]["parent"], row["text"]) for row in records(out)}
    judged = step(out, "generate.judge")
    repeated = judged.get("rejected: generate.repeated", 0)
    assert len(records(out)) + repeated == 2 * DOCUMENTS == asked["requests"] == asked["replies: answered"]
    assert len(made) == len(records(out)) == judged["records"] and asked["documents"] == DOCUMENTS
    assert asked["prompt_tokens"] == 20 * DOCUMENTS and asked["completion_tokens"] == tokens + 4 * repeated
    assert asked["cost_millionths"] == round(1.5 * asked["prompt_tokens"] + 6 * asked["completion_tokens"])
    assert (planned["requests"], planned["answered"]) == (2 * DOCUMENTS, 2 * DOCUMENTS * 50) and planned["counted"]
    assert {row["generation"]["seed"] for row in records(out)} <= {body["seed"] for body in served.bodies}
    (path, *_) = sorted((out / "generated").iterdir())
    read = ingest("tables", path, columns={"text": "text", "language": "language"}, metadata=["generation"])
    assert not read.rejections and json.loads(read.documents[0]["metadata"])["generation"]["model"] == "small"
    assert (
        subprocess.run([sys.executable, "-m", "winnow.pipeline.cli", "verify", str(out)], check=False).returncode == 0
    )


def test_killed_in_the_middle_it_asks_for_nothing_twice_and_comes_to_the_same_lock(
    asking: Asking, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with serving() as served:
        assert asking.write(served.url).run(whole).returncode == 0
    with serving(slow=0.3) as served:
        command = asking.write(served.url).command("run", broken, "--workers", "2")
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + DEADLINE
        while len(list((broken / "asked").rglob("*.json"))) < 5:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        there = len(list((broken / "asked").rglob("*.json")))
        before = list(served.bodies)
        served.slow = 0.0
        result = asking.run(broken)
        assert result.returncode == 0, result.stdout + result.stderr
        again = served.bodies[len(before) :]
    assert there >= 5 and len(again) == 2 * DOCUMENTS - there
    assert sum(body in before for body in again) <= 4  # those that were open when the workers died
    assert lock(broken) == lock(whole)


def test_a_server_that_goes_away_ends_the_run_with_a_sentence_and_the_next_run_goes_on_elsewhere(
    asking: Asking, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with serving() as served:
        assert asking.write(served.url).run(whole).returncode == 0
    answered: list[Body] = []

    def some(body: Body, tries: int) -> Answer:
        if len(answered) >= 7:
            return error(503, "going down")
        answered.append(body)
        return good(body, tries)

    with serving(some) as served:
        result = asking.write(served.url).run(broken)
        assert result.returncode == 1 and "Traceback" not in result.stdout + result.stderr
        told = [line for line in (result.stdout + result.stderr).splitlines() if "the server local" in line]
        assert len(told) == 1 and "HTTP 503 (going down): see that it runs" in told[0], result.stdout
    assert not (broken / "lock.json").exists()
    with serving() as served:
        result = asking.write(served.url).run(broken)
        assert result.returncode == 0, result.stdout + result.stderr
        assert len(served.bodies) == 2 * DOCUMENTS - len(answered)
    assert lock(broken) == lock(whole)


def test_more_answers_ask_for_the_new_ones_alone_and_another_prompt_for_all(asking: Asking, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with serving() as served:
        assert asking.write(served.url).run(out).returncode == 0
        for changed, new in (
            ({"answers": 3}, DOCUMENTS),
            ({"prompt": "Again: {text}", "answers": 1}, DOCUMENTS),
        ):
            before = len(served.bodies)
            assert asking.write(served.url, **changed).run(out).returncode == 0
            assert len(served.bodies) - before == new, changed


def test_what_is_refused_or_no_answer_is_a_rejection_by_its_name(asking: Asking, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def mixed(body: Body, tries: int) -> Answer:
        text = body["messages"][-1]["content"]
        if "pear0x1" in text:
            return error(400, "maximum context length exceeded")
        if "pear0x2" in text:
            return 200, {}, completion("never to its end", finish="length")
        if "pear0x3" in text:
            return 200, {}, completion("  ")
        if "pear0x4" in text:
            return 200, {}, completion("half an answer")[:50]
        return (429, {"Retry-After": "0"}, b"") if tries == 1 else good(body, tries)

    with serving(mixed) as served:
        result = asking.write(served.url, longest=53).run(out)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [row for path in (out / "rejections" / "generate").iterdir() for row in pq.read_table(path).to_pylist()]
    rules = {row["rule"]: sum(other["rule"] == row["rule"] for other in rows) for row in rows}
    expected = {"refused": 2, "cut": 2, "empty": 2, "failed": 2}
    assert {name: rules.get(f"generate.{name}") for name in expected} == expected
    assert len(rows) + len(records(out)) == 2 * DOCUMENTS == step(out, "generate.judge")["answers"]
    assert all(row["stage"] == "generate" and "#" in row["locator"] for row in rows)
    told = {
        word: subprocess.run(asking.told(out, word), capture_output=True, text=True).stdout
        for word in ("pear0x1", "pear0x5")
    }
    assert "a model was asked 2 times about it; 0 of them made records, in generated/" in told["pear0x1"]
    assert "for the others see rejections/generate/" in told["pear0x1"] and "kept" in told["pear0x5"]
    assert f"look next: {out}/generated/" in result.stdout


def test_the_key_is_in_no_file_and_no_message(asking: Asking, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def telling(body: Body, tries: int) -> Answer:
        text = body["messages"][-1]["content"]
        if "pear1x1" in text:
            return error(400, f"with {SECRET}?")
        return 200, {}, completion(f"{SECRET} is what you sent")

    with serving(telling) as served:
        asking.write(served.url, {"key": "SOME_API_KEY"})
        without = asking.run(out)
        assert without.returncode == 1 and "SOME_API_KEY" in without.stdout + without.stderr and not served.bodies
        result = asking.run(out, SOME_API_KEY=SECRET)
        assert result.returncode == 0, result.stdout + result.stderr
        assert {headers["Authorization"] for headers in served.headers} == {f"Bearer {SECRET}"}
    with serving(lambda *_: error(401, f"wrong key {SECRET}")) as served:
        refused = asking.write(served.url, {"key": "SOME_API_KEY"}, answers=3).run(out, SOME_API_KEY=SECRET)
    assert refused.returncode == 1 and "refuses the key in SOME_API_KEY" in refused.stdout + refused.stderr
    said = "".join(each.stdout + each.stderr for each in (without, result, refused))
    assert SECRET not in said
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        assert SECRET.encode() not in content, path


@pytest.mark.parametrize(
    ("server", "generate", "told"),
    [
        ({"key": SECRET}, {}, "servers.local.key"),
        ({"api_key": SECRET}, {}, "api_key"),
        ({"url": f"https://example.com/v1?key={SECRET}"}, {}, "servers.local.url"),
        ({"url": f"https://{SECRET}@example.com/v1"}, {}, "credentials"),
        ({}, {"server": "lokal"}, "did you mean 'local'"),
        ({}, {"prompt": "artikle"}, "{text}"),
        ({}, {"grade": "label"}, "grade"),
        ({}, {"recipe": "rejection_sampling"}, "grade"),
        ({}, {"recipe": "rejection_sampling", "grade": "no.such:thing"}, "no.such"),
        ({}, {"recipe": "label", "labels": ["one"]}, "labels"),
        ({}, {"sources": ["wb"]}, "wb"),
        ({}, {"options": {"n": 3}}, "options"),
        ({}, {"options": {"stream": True}}, "options"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked_and_never_show_a_key(
    asking: Asking,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    server: dict[str, Any],
    generate: dict[str, Any],
    told: str,
) -> None:
    asking.write("http://127.0.0.1:9/v1", server, **generate)
    command = asking.command("plan", tmp_path / "run", "--offline")
    with pytest.raises(SystemExit) as ended:  # what is no user's mistake is raised instead
        main(command[command.index("plan") :])
    said = "".join(capsys.readouterr())
    assert ended.value.code == 2 and told in said and SECRET not in said


def test_a_plan_tells_what_will_be_asked_before_anything_is_read(asking: Asking, tmp_path: Path) -> None:
    result = asking.write("http://127.0.0.1:9/v1", {"input_price": 1.0}).plan(tmp_path / "run")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "requests to local for small" in result.stdout.replace("\n", " ") and "very roughly" in result.stdout

"""`winnow init --from` an object store and from a hub, and the run that it proposes: as far as documents, and to shards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.hub import hub
from tests.pipeline.test_object_store import BUCKET, client, moto
from winnow.pipeline.proof.verification import verify_run
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.shard import ShardIndex

ROOT = Path(__file__).parents[2]


@pytest.fixture
def texts(english: list[str]) -> dict[str, bytes]:
    rows = "".join(json.dumps({"id": number, "body": text}) + "\n" for number, text in enumerate(english[:40]))
    notes = {f"notes/{number}.txt": "\n\n".join(english[40 + number :: 20]).encode() for number in range(5)}
    return {"data/train.jsonl": rows.encode(), **notes, "letter.doc": b"PK\3\4"}


def begun(address: str, folder: Path, lid: Path, environment: dict[str, str], *options: str) -> list[str]:
    """What `init` says of an address and the run says of sources; a process of its own, which reads its environment."""
    (folder / "models").mkdir()
    shutil.copy(lid, folder / "models")
    said = []
    run = ["run", "--stage", "manifest.yaml", "--profile", "profile.yaml", "--out", "run", *options]
    for command in (["init", "--from", address], [*run, "--workers", "1"]):
        done = subprocess.run(
            [sys.executable, "-m", "winnow.pipeline.cli", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout + done.stderr)
    assert f"not placed: 1 .doc (no kind of source reads it): {address}/letter.doc" in said[0]
    return [" ".join(line.split()) for line in said[1].splitlines()]


def test_from_an_object_store(tmp_path: Path, lid: Path, texts: dict[str, bytes]) -> None:
    with moto(tmp_path) as address:
        key = {"AWS_ACCESS_KEY_ID": "miller", "AWS_SECRET_ACCESS_KEY": "sieve", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {"AWS_ENDPOINT_URL": address, **key}
        bucket = client(environment)
        bucket.create_bucket(Bucket=BUCKET)
        for name, content in texts.items():
            bucket.put_object(Bucket=BUCKET, Key=f"texts/{name}", Body=content)
        (place := tmp_path / "own").mkdir()
        lines = begun("s3://corpus/texts", place, lid, environment, "--until", "ingest")
    assert "prose 45 0" in lines


def test_from_a_hub(tmp_path: Path, lid: Path, texts: dict[str, bytes]) -> None:
    with hub("mill/texts", texts) as address:
        home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        (place := tmp_path / "own").mkdir()
        lines = begun("hf://datasets/mill/texts", place, lid, {"HF_ENDPOINT": address, **home})
    assert "prose 45 0" in lines
    index = ShardIndex.from_json((place / "run" / "shards" / "index.json").read_bytes())
    assert sum(phase.sequences for phase in index.phases)
    assert verify_run(Workspace(str(place / "run"))).findings == ()

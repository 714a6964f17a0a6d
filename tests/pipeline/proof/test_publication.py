"""What is published of a run is what its lock proves, wherever it travels: to a folder, a store, a hub, and back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.journeys.hub import hub
from tests.pipeline.test_object_store import BUCKET, client, moto
from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.proof import publication
from winnow.pipeline.proof.lock import PATH, lock_digest
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.reader import ShardReader

ROOT = Path(__file__).parents[3]
PHASE = "length-512"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def refusal(result: Result) -> str:
    assert isinstance(result.exception, ConfigurationError), result.output
    return str(result.exception)


def rows(run: Path) -> int:
    return sum(len(batch) for batch in ShardReader(str(run / "shards/index.json"), PHASE))


@pytest.fixture
def pushed(finished: Path, tmp_path: Path) -> Path:
    done = call("push", finished, tmp_path / "pushed")
    assert done.exit_code == 0, done.output
    return tmp_path / "pushed"


def test_what_the_lock_proves_travels_and_nothing_else(finished: Path, pushed: Path, tmp_path: Path) -> None:
    there = {str(path.relative_to(pushed)) for path in pushed.rglob("*") if path.is_file()}
    outputs = json.loads((finished / PATH).read_text())["outputs"]
    assert there == {*outputs, PATH, "README.md", "croissant.json"}
    brought = call("pull", pushed, tmp_path / "brought", "--lock", lock_digest((finished / PATH).read_bytes()))
    assert brought.exit_code == 0, brought.output
    for path in (*outputs, PATH):
        assert (tmp_path / "brought" / path).read_bytes() == (finished / path).read_bytes()
    assert rows(tmp_path / "brought") == rows(finished)


def test_a_transfer_goes_on_where_it_stopped(finished: Path, pushed: Path) -> None:
    (pushed / PATH).unlink()
    outputs = sorted(json.loads((finished / PATH).read_text())["outputs"])
    (pushed / outputs[0]).unlink()
    (pushed / outputs[1]).write_bytes(b"half")
    done = call("push", finished, pushed)
    assert done.exit_code == 0, done.output
    assert "2 files copied" in done.output and f"{len(outputs) - 2} were there" in done.output


@pytest.mark.parametrize("side", ["push", "pull"])
def test_a_flipped_bit_doesnt_travel(finished: Path, pushed: Path, tmp_path: Path, side: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished if side == "push" else pushed, run)
    shard = next(run.glob("shards/*/*.parquet"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    done = call(side, run, tmp_path / "target", *(["--no-card"] if side == "push" else []))
    assert f"{shard.relative_to(run)} isn't what lock.json says" in refusal(done)
    assert not (tmp_path / "target" / PATH).exists()
    assert not list((tmp_path / "target").rglob(f"{shard.parent.name}/{shard.name}*"))


def test_another_lock_than_the_one_wanted_is_refused(pushed: Path, tmp_path: Path) -> None:
    assert "--lock says 00" in refusal(call("pull", pushed, tmp_path / "brought", "--lock", "00"))
    assert not (tmp_path / "brought").exists()


def test_another_data_set_is_replaced_only_when_asked(finished: Path, pushed: Path) -> None:
    lock = json.loads((pushed / PATH).read_text())
    old = "shards/length-512/99999.parquet"
    lock["outputs"][old] = "0" * 32
    (pushed / old).write_bytes(b"of the data set before")
    (pushed / PATH).write_text(json.dumps(lock))
    assert "holds another data set" in refusal(call("push", finished, pushed))
    done = call("push", finished, pushed, "--replace")
    assert done.exit_code == 0, done.output
    assert not (pushed / old).exists() and (pushed / PATH).read_bytes() == (finished / PATH).read_bytes()


@pytest.mark.parametrize(
    "path", ["../out", "shards/../../out", "/etc/out", "shards\\..\\out", "lock.json", "receipts/a"]
)
def test_a_lock_names_no_file_elsewhere(pushed: Path, tmp_path: Path, path: str) -> None:
    lock = json.loads((pushed / PATH).read_text())
    lock["outputs"][path] = "0" * 32
    (pushed / PATH).write_text(json.dumps(lock))
    assert "is not the lock of a run" in refusal(call("pull", pushed, tmp_path / "brought"))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"outputs": 3}', b'{"outputs": {"shards/a": 1}}', b"[" * 99_999]
)
def test_what_is_no_lock_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PATH).write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not the lock of a run"):
        publication.published(Workspace(str(tmp_path)))


def test_a_published_data_set_is_verified_and_pulled_again(pushed: Path, tmp_path: Path) -> None:
    brought = tmp_path / "brought"
    assert call("pull", pushed, brought).exit_code == 0
    sound = call("verify", brought)
    assert sound.exit_code == 0 and "documents and receipts stayed" in " ".join(sound.output.split())
    shard = next(brought.glob("shards/*/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    (brought / "tokenizer/tokenizer.model").unlink()
    (brought / "shards/mine.txt").write_text("mine")
    hurt = call("verify", brought)
    assert hurt.exit_code == 1 and "3 findings" in hurt.output and "winnow pull brings them again" in hurt.output
    assert "`winnow pull` brings again" in refusal(call("repair", brought))
    assert call("pull", pushed, brought).exit_code == 0
    (brought / "shards/mine.txt").unlink()
    assert call("verify", brought).exit_code == 0


def test_a_run_that_lost_its_receipts_is_no_published_data_set(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "receipts")
    for name in ("seal.json", "plan.json"):
        (run / name).unlink()
    hurt = call("verify", run)
    assert hurt.exit_code == 1 and "seal.json is gone" in hurt.output


@pytest.fixture
def winnow(tmp_path: Path) -> Callable[..., str]:
    """The command in a process of its own, which reads its environment."""

    def run(environment: dict[str, str], *arguments: object) -> str:
        command = [sys.executable, "-m", "winnow.pipeline.cli", *map(str, arguments)]
        given = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
        done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_there_and_back_by_an_object_store(finished: Path, tmp_path: Path, winnow: Callable[..., str]) -> None:
    key = {"AWS_ACCESS_KEY_ID": "miller", "AWS_SECRET_ACCESS_KEY": "sieve", "AWS_DEFAULT_REGION": "us-east-1"}
    with moto(tmp_path) as address:
        store = {"AWS_ENDPOINT_URL": address, **key}
        client(store).create_bucket(Bucket=BUCKET)
        said = winnow(store, "push", finished, "s3://corpus/small")
        assert "0 files copied" in winnow(store, "push", finished, "s3://corpus/small")
        winnow(store, "pull", "s3://corpus/small/", "--lock", said.split()[-1])
    assert rows(tmp_path / "small") == rows(finished)


def test_there_and_back_by_a_hub(finished: Path, tmp_path: Path, winnow: Callable[..., str]) -> None:
    files = {"shards/old.parquet": b"of nobody"}
    commits: list[str] = []
    with hub("mill/small", files, commits) as address:
        hugging = {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_of_a_test"}
        hugging |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        said = winnow(hugging, "push", finished, "hf://datasets/mill/small")
        winnow(hugging, "pull", "hf://datasets/mill/small", "back", "--lock", said.split()[-1])
    assert commits == [f"Shards of mid, lock {said.split()[-1]}"]
    assert files["README.md"].startswith(b"---\n") and PATH in files
    assert rows(tmp_path / "back") == rows(finished)


@pytest.mark.parametrize(
    "address", ["hf://models/mill/small", "hf://datasets/small", "hf://datasets/mill/small/shards"]
)
def test_a_hub_takes_data_sets_alone(finished: Path, address: str) -> None:
    assert "isn't the address of a data set" in refusal(call("push", finished, address, "--no-card"))

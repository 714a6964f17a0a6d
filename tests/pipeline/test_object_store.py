"""A whole run on an object store: inputs read from S3 and every file written there, by real requests to a real server.

The store is Ceph where it is installed (`ceph.py` says how), otherwise moto's server, which takes any secret.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs

from tests.pipeline import ceph
from tests.pipeline.flaky import proxy
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.running import lease as module
from winnow.pipeline.running.lease import lease
from winnow.stages.run.workspace import Workspace

if TYPE_CHECKING:
    from conftest import SmallRun

BUCKET, ACCESS_KEY, SECRET_KEY = "corpus", "miller", "sieve"


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The address of moto's server, in a process of its own."""
    port, log = ceph.free_port(), folder / "log"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        deadline = time.monotonic() + ceph.DEADLINE
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.kill()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which `s3://` leads to a store of this test."""
    folder = tmp_path_factory.mktemp("store")
    with ceph.gateway(folder, ACCESS_KEY, SECRET_KEY) if ceph.installed() else moto(folder) as address:
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }


def client(store: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=store["AWS_ENDPOINT_URL"],
        aws_access_key_id=store["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=store["AWS_SECRET_ACCESS_KEY"],
        region_name=store["AWS_DEFAULT_REGION"],
    )


def winnow(store: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "winnow.pipeline.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **store})


def but_for_inputs(lock: dict[str, Any]) -> dict[str, Any]:
    """A lock without the marks of its inputs: a store's objects are known by its entity tags, files by their bytes."""
    steps = [step for step in lock["steps"] if step["step"] != "inventory"]
    return {**lock, "inputs": [entry["size"] for entry in lock["inputs"]], "steps": steps}


def of_a_page(shard: Path) -> tuple[str, str]:
    """Row and place of the first token that comes of a web page, not of what is put between a repository's files."""
    segments = pq.read_table(shard, columns=["segments"])["segments"].to_pylist()
    return next(
        (str(row), str(sum(before["length"] for before in of_row[:number])))
        for row, of_row in enumerate(segments)
        for number, segment in enumerate(of_row)
        if segment["source"] == "web"
    )


def test_a_run_on_an_object_store_writes_the_bytes_of_a_local_one(
    small_run: SmallRun, finished: Path, store: dict[str, str], tmp_path: Path
) -> None:
    bucket = client(store)
    bucket.create_bucket(Bucket=BUCKET)
    for path in sorted(small_run.data.rglob("*")):
        if path.is_file():
            bucket.upload_file(str(path), BUCKET, f"raw/{path.relative_to(small_run.data)}")
    profile = (small_run.folder / "profile.yaml").read_text().replace(str(small_run.data), f"s3://{BUCKET}/raw")
    (tmp_path / "profile.yaml").write_text(profile)
    manifest, out = str(small_run.folder / "small.yaml"), f"s3://{BUCKET}/runs/small"
    command = ("run", "--stage", manifest, "--profile", str(tmp_path / "profile.yaml"), "--out", out, "--workers", "1")

    assert (result := winnow(store, *command, "--until", "measure")).returncode == 0, result.stdout
    assert (result := winnow(store, *command)).returncode == 0, result.stdout + result.stderr
    remote = json.loads(bucket.get_object(Bucket=BUCKET, Key="runs/small/lock.json")["Body"].read())
    assert but_for_inputs(remote) == but_for_inputs(json.loads((finished / "lock.json").read_bytes()))
    shard = sorted((finished / "shards").rglob("*.parquet"))[0].relative_to(finished)
    row, token = of_a_page(finished / shard)
    for asked, shown in (
        (("verify", out), "every digest and every count is right"),
        (("explain", out, "pages/difflib.html"), "pages/difflib.html"),
        (("trace", f"{out}/{shard}", row, token), ".html"),
        (("export", out, "--format", "jsonl", "--phase", shard.parts[1], "--out", str(tmp_path / "rows.jsonl")), ""),
    ):
        told = winnow(store, *asked)
        assert told.returncode == 0 and shown in told.stdout, (asked, told.stdout, told.stderr)
    assert (tmp_path / "rows.jsonl").stat().st_size


def test_one_row_group_costs_little_more_than_its_own_bytes(
    store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client(store).create_bucket(Bucket="groups")
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    workspace = Workspace("s3://groups/run")
    rows = pa.table({"key": np.random.default_rng(8).integers(1 << 60, size=1_000_000)})
    workspace.write_table("rows.parquet", rows, row_group_size=50_000)

    fetched: list[int] = []
    fetch = s3fs.core.S3File._fetch_range
    monkeypatch.setattr(
        s3fs.core.S3File, "_fetch_range", lambda *place: fetched.append(len(got := fetch(*place))) or got
    )
    assert workspace.read_table("rows.parquet", row_groups=[3]).equals(rows.slice(150_000, 50_000))
    footer, group = 64 << 10, 50_000 * 8
    assert group <= sum(fetched) <= footer + 1.5 * group, fetched


@pytest.mark.skipif(not ceph.installed(), reason="moto's server takes any secret")
def test_a_wrong_secret_is_told_as_such(store: dict[str, str]) -> None:
    client(store).create_bucket(Bucket="closed")
    result = winnow({**store, "AWS_SECRET_ACCESS_KEY": "colander"}, "status", "s3://closed/runs/small")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert "SignatureDoesNotMatch" in result.stderr


def test_a_store_that_cannot_be_reached_is_named(store: dict[str, str]) -> None:
    nowhere = f"http://127.0.0.1:{ceph.free_port()}"
    result = winnow({**store, "AWS_ENDPOINT_URL": nowhere}, "status", "s3://closed/runs/small")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert nowhere in result.stderr


@pytest.fixture
def shared(store: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder of a run on the store, as this process sees it; signs of life come quickly."""
    monkeypatch.setattr(module, "BEAT", 0.1)
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client(store).create_bucket(Bucket="leases")
    return Workspace("s3://leases/run")


def test_of_two_runs_on_one_prefix_the_second_refuses_and_then_may(shared: Workspace) -> None:
    said: list[str] = []
    with lease(shared, said.append):
        with (
            pytest.raises(ConfigurationError, match="another run is working in s3://leases/run"),
            lease(shared, said.append),
        ):
            pass
        assert shared.exists(module.NAME)
    assert not shared.exists(module.NAME)
    with lease(shared, said.append):
        pass
    assert len(said) == 1


def test_a_lease_whose_holder_was_killed_is_taken_over(shared: Workspace) -> None:
    shared.write_bytes(module.NAME, module._sign("0" * 32, 7))
    with lease(shared, lambda line: None):
        assert module._holder(shared, module.NAME) != "0" * 32
    assert not shared.exists(module.NAME)


def test_what_is_written_and_read_through_a_store_that_fails_is_whole(
    store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request in five comes to harm: none is given up, and no half answer is taken for a whole one."""
    client(store).create_bucket(Bucket="flaky")
    with proxy(store["AWS_ENDPOINT_URL"], share=0.2, seed=5) as harm:
        for name, value in {**store, "AWS_ENDPOINT_URL": harm.address}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        workspace = Workspace("s3://flaky/run")
        dice = np.random.default_rng(3)
        contents = {f"files/{number}.bin": dice.bytes(1 + 3000 * number) for number in range(30)}
        for name, content in contents.items():
            workspace.write_bytes(name, content)
        rows = pa.table({"key": dice.integers(1 << 60, size=20_000)})
        workspace.write_table("rows.parquet", rows, row_group_size=1_000)
        assert {name: workspace.read_bytes(name) for name in contents} == contents
        assert workspace.list("files") == sorted(contents)
        assert workspace.read_table("rows.parquet", row_groups=[3, 9]).num_rows == 2_000
        with lease(workspace, lambda line: None):
            pass
    s3fs.S3FileSystem.clear_instance_cache()
    assert all(harm.harmed[fault] for fault in ("fail", "stall", "reset", "cut")), harm.harmed


@pytest.mark.slow  # a whole run through a store that fails: `make flaky-store`
def test_a_run_through_a_store_that_fails_gives_the_same_lock(
    small_run: SmallRun, finished: Path, store: dict[str, str]
) -> None:
    asked = (
        "--stage",
        str(small_run.folder / "small.yaml"),
        "--profile",
        str(small_run.folder / "profile.yaml"),
    )
    same_through_failures(store, "failing", asked, finished)
    out = "s3://failing/run"
    for command, shown in (
        (("status", out), "lock.json is written"),
        (("report", out), f"{out}/report.html"),
        (("diff", out, out), ""),
        (("inspect", out, "--rows", "1"), ""),
    ):
        told = winnow(store, *command)
        assert told.returncode == 0 and shown in told.stdout, (command, told.stdout, told.stderr)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("WINNOW_WHOLE"), reason="make flaky-store WHOLE=runs/mid, minutes to hours")
def test_a_whole_stage_through_a_store_that_fails_gives_the_same_lock(store: dict[str, str]) -> None:
    """`WINNOW_WHOLE`: stage, profile, and the folder of a finished run of them on this machine's own disk."""
    stage, profile, finished = os.environ["WINNOW_WHOLE"].split()
    same_through_failures(store, "whole", ("--stage", stage, "--profile", profile), Path(finished))


def same_through_failures(store: dict[str, str], name: str, asked: Sequence[str], finished: Path) -> None:
    """Runs on the bucket `name` through a proxy that harms one request in ten; the lock is that of the local run."""
    client(store).create_bucket(Bucket=name)
    with proxy(store["AWS_ENDPOINT_URL"], share=0.1, seed=1) as harm:
        through = {**store, "AWS_ENDPOINT_URL": harm.address}
        begun = time.monotonic()
        result = winnow(through, "run", *asked, "--out", f"s3://{name}/run", "--workers", "2")
        assert result.returncode == 0, result.stdout + result.stderr
        units = sum(json.loads((finished / "plan.json").read_bytes())["units"].values())
        total = harm.requests.total()
        print(
            f"{total:,} requests for {units:,} units, {total / units:.2f} each, in {time.monotonic() - begun:.0f} s: "
            f"{dict(harm.requests)}; {dict(harm.harmed)}"
        )
    content = client(store).get_object(Bucket=name, Key="run/lock.json")["Body"].read()
    assert content == (finished / "lock.json").read_bytes()
    assert sum(harm.harmed[fault] for fault in ("fail", "stall", "reset", "cut")) > 20

"""Whatever happens to a file of a finished run is found, and never as a traceback; what repair takes out comes back."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from distributed import Client

from winnow.pipeline.cli import cli
from winnow.pipeline.proof.verification import Verification, verify_run
from winnow.pipeline.record import ledger
from winnow.pipeline.record.ledger import read_receipts
from winnow.pipeline.running import conductor
from winnow.pipeline.running.repair import repair_run
from winnow.stages.run.workspace import Workspace

if TYPE_CHECKING:
    from conftest import SmallRun

TOP = ("lock.json", "plan.json", "report.html", "seal.json")
FLIPS_OF_EACH = 8  # of those four, one at a time: the seal is a witness of the others
BATCH = 20  # of the others, which don't vouch for each other's neighbours
FLIPS = int(os.environ.get("WINNOW_FLIPS", "280"))  # of those; `make flips` tries 2,000
ROUNDS = max(FLIPS // 400, 1)  # of deletions, truncations and swaps: each round takes a file of every kind


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verified") / "run"
    shutil.copytree(finished, out)
    assert verify(out).findings == ()
    return out


@pytest.fixture(scope="module", params=["files", pytest.param("tables", marks=pytest.mark.slow)])
def any_run(
    request: pytest.FixtureRequest, finished: Path, small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The finished run with a file for each receipt, and with its receipts in tables, where three units are many."""
    out = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(finished, out)
    if request.param == "tables":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger, "LEAST_UNITS", 3)
            patch.setattr(ledger, "ROWS", 2)
            result = CliRunner().invoke(cli, small_run.command(out)[3:])
            assert result.exit_code == 0, result.output
        assert len(Workspace(str(out)).list("receipts", ".parquet")) > 10
    assert verify(out).findings == ()
    return out


def verify(run: Path) -> Verification:
    return verify_run(Workspace(str(run)))


def found(run: Path) -> set[str]:
    return {finding.path for finding in verify(run).findings}


def files(run: Path) -> list[str]:
    """Every file of the run that has a bit."""
    paths = sorted(path for path in run.rglob("*") if path.is_file() and path.stat().st_size)
    return [path.relative_to(run).as_posix() for path in paths]


def kinds(run: Path) -> dict[str, list[str]]:
    """The files below each folder, by step for receipts."""
    by_kind: dict[str, list[str]] = {}
    for path in files(run):
        if path not in TOP:
            by_kind.setdefault(path.rpartition("/")[0], []).append(path)
    return by_kind


@contextmanager
def spoiled(run: Path, paths: list[str], spoil: Callable[[Path], object]) -> Iterator[None]:
    before = {path: (run / path).read_bytes() for path in paths}
    for path in paths:
        spoil(run / path)
    try:
        yield
    finally:
        for path, content in before.items():
            (run / path).write_bytes(content)


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def test_each_flipped_bit_of_lock_plan_report_and_seal_is_found(any_run: Path) -> None:
    chance = random.Random(1)
    for path in TOP * FLIPS_OF_EACH:
        with spoiled(any_run, [path], lambda each: flip(each, chance)):
            assert path in found(any_run)
    assert found(any_run) == set()


def test_each_flipped_bit_of_every_other_kind_of_file_is_found(any_run: Path) -> None:
    chance = random.Random(2)
    by_kind = kinds(any_run)
    assert len(by_kind) > 50 and {"documents", "environments", "tokenizer", "receipts/ingest", "mix"} <= by_kind.keys()
    one_of_each = [chance.choice(paths) for paths in by_kind.values()]
    others = sorted({path for paths in by_kind.values() for path in paths} - set(one_of_each))
    drawn = [*one_of_each, *chance.sample(others, min(len(others), FLIPS - len(one_of_each)))]
    while len(drawn) < FLIPS:
        drawn += chance.sample(others, min(len(others) // BATCH * BATCH, FLIPS - len(drawn)))
    for start in range(0, len(drawn), BATCH):
        batch = list(dict.fromkeys(drawn[start : start + BATCH]))
        with spoiled(any_run, batch, lambda each: flip(each, chance)):
            assert set(batch) <= found(any_run)
    assert found(any_run) == set()


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes()[:-1])]
)
def test_what_is_deleted_emptied_or_truncated_is_found(any_run: Path, spoil: Callable[[Path], object]) -> None:
    chance = random.Random(3)
    by_kind = kinds(any_run)
    batches = [[chance.choice(paths) for paths in by_kind.values()] for _ in range(ROUNDS)]
    halves = [half for batch in batches for half in (batch[::2], batch[1::2])]
    for paths in (*halves, *([path] for path in TOP)):
        with spoiled(any_run, paths, spoil):
            unseen = set(paths) - found(any_run)
            assert not any(path.startswith("receipts/") or path in TOP for path in unseen)
            assert not any(_receipt_stands(any_run, path) for path in unseen)  # a file and its receipt: one finding
    assert found(any_run) == set()


def _receipt_stands(run: Path, path: str) -> bool:
    """Whether a receipt that names the file is there and can be read."""
    return any(path == written.path for one in read_receipts(Workspace(str(run))) for written in one.outputs)


def test_swapped_files_and_receipts_are_found(any_run: Path) -> None:
    chance = random.Random(4)
    for _ in range(ROUNDS):
        pairs = []
        for paths in kinds(any_run).values():
            different = {(any_run / path).read_bytes(): path for path in paths}
            if len(different) > 1:
                pairs.append(chance.sample(sorted(different.values()), 2))
        assert len(pairs) >= 30
        for start in range(0, len(pairs), 8):
            batch = pairs[start : start + 8]
            paths = [path for pair in batch for path in pair]
            with spoiled(any_run, paths, lambda _: None):
                for one, other in batch:
                    first, second = (any_run / one).read_bytes(), (any_run / other).read_bytes()
                    (any_run / one).write_bytes(second)
                    (any_run / other).write_bytes(first)
                assert set(paths) <= found(any_run)
    assert found(any_run) == set()


def test_a_deleted_receipt_does_not_hide_what_happens_to_its_document(run: Path) -> None:
    document, receipt = "documents/web-00000.parquet", "receipts/ingest/web-00000.json"
    with spoiled(run, [document, receipt], lambda path: flip(path, random.Random(5))):
        (run / receipt).unlink()
        assert {document, receipt} <= found(run)
        assert verify(run).later["ingest"][:2] == ("measure", "decide")


def test_foreign_files_are_found(run: Path) -> None:
    foreign = [
        "documents/web-99999.parquet",
        "receipts/ingest/web-99999.json",
        "environments/0.json",
        "tokens/web-00000.parquet.1a2b.tmp",
        "lock.json.old",
    ]
    for path in foreign:
        shutil.copy(run / "receipts/ingest/web-00000.json", run / path)
    assert found(run) == set(foreign)
    for path in foreign:
        (run / path).unlink()


def test_without_its_seal_a_damaged_lock_is_no_traceback(run: Path) -> None:
    chance = random.Random(6)
    with spoiled(run, ["seal.json"], Path.unlink):
        for path in ("lock.json", "plan.json") * 5:
            with spoiled(run, [path], lambda each: flip(each, chance)):
                assert "seal.json" in found(run)
        for content in (b"[]", b'{"steps": 3}', b'{"steps": [[]]}', b"null", b"[" * 100_000):
            with spoiled(run, ["lock.json", "plan.json"], lambda each, content=content: each.write_bytes(content)):  # type: ignore[misc]
                assert {"seal.json", "lock.json", "plan.json"} <= found(run)
    for content in (b"[]", b'{"files": [], "receipts": 1}', b"null", b"[" * 100_000):
        with spoiled(run, ["seal.json"], lambda each, content=content: each.write_bytes(content)):  # type: ignore[misc]
            assert found(run) == {"seal.json"}


def test_the_command_names_each_finding_and_ends_with_status_1(run: Path) -> None:
    with spoiled(run, ["documents/repositories-00000.parquet", "plan.json"], Path.unlink):
        result = CliRunner().invoke(cli, ["verify", str(run)])
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
        assert "documents/repositories-00000.parquet is gone" in result.output and "ingest is hurt" in result.output
    assert CliRunner().invoke(cli, ["verify", str(run)]).exit_code == 0


def test_what_repair_takes_out_is_built_again_to_the_same_lock(
    run: Path, small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[int] = []

    def connect(**_: Any) -> Client:
        connected.append(1)
        return Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None)

    def build() -> None:
        result = CliRunner().invoke(cli, small_run.command(run)[3:])
        assert result.exit_code == 0, result.output

    monkeypatch.setattr(conductor, "connect", connect)
    chance = random.Random(7)
    lock, untouched = (run / "lock.json").read_bytes(), run / "documents/tool_use-00000.parquet"
    age = untouched.stat().st_mtime_ns
    [environment] = (run / "environments").iterdir()
    for path in ("documents/web-00000.parquet", "receipts/measure/repositories-00000.json", "report.html"):
        flip(run / path, chance)
    for path in ("shards/index.json", "tokenizer/summary.json"):
        flip(run / path, chance)
    flip(environment, chance)
    (run / "tokens/tool_use-00000.parquet").unlink()
    (run / "receipts/decide/repositories-00000.json").write_bytes(
        (run / "receipts/decide/tool_use-00000.json").read_bytes()
    )
    for foreign in ("documents/web-99999.parquet", "tokens/web-00000.parquet.1a2b.tmp"):
        (run / foreign).write_bytes(b"foreign")
    repair = repair_run(Workspace(str(run)))
    assert set(repair.units) == {
        *("ingest/web-00000", "measure/repositories-00000", "decide/repositories-00000"),
        *("encode/tool_use-00000", "index/index"),
        "tokenizer/trained",
    }
    assert repair.left == ()
    build()
    assert (run / "lock.json").read_bytes() == lock and verify(run).findings == ()
    assert untouched.stat().st_mtime_ns == age and connected == [1]

    for path in ("lock.json", "seal.json"):
        flip(run / path, chance)
    (run / "plan.json").unlink()
    assert repair_run(Workspace(str(run))).units == ()
    build()
    assert (run / "lock.json").read_bytes() == lock and verify(run).findings == ()
    assert connected == [1]  # nothing was worked

    sealed = (run / "seal.json").read_bytes()
    build()
    assert (run / "seal.json").read_bytes() == sealed

"""Runs of a series: each of what is new since those before it, built on the last of them, sources one at a time."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from distributed import LocalCluster

from winnow.pipeline import cli
from winnow.pipeline.configuration.reading import ConfigurationError, NothingNew
from winnow.pipeline.configuration.settings import load_settings
from winnow.stages.run.workspace import Workspace

MANIFEST = """\
stage: mid
seed: 1
deduplicate: {exact: {}, minhash: {threshold: 0.7, remember: true}}
tokenizer: {vocabulary_size: 600}
mixture: {sources: {web: 50, notes: 50}}
packing: best_fit
curriculum: [{length: 128, share: 100}]
"""
PROFILE = """\
buckets: 1
sources:
  web: [{kind: tables, content: prose, paths: ["crawl/{date:%Y/%m-%d}/*.jsonl"]}]
  notes: [{kind: tables, content: prose, paths: ["notes/*.jsonl"]}]
"""
DRAWN = random.Random(5)
WORDS = ["".join(DRAWN.choices("abcdefghijklmnop", k=DRAWN.randint(2, 8))) for _ in range(400)]


def texts(number: int) -> list[str]:
    return [" ".join(DRAWN.choices(WORDS, k=90)) for _ in range(number)]


def write(path: Path, some: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in some))


@dataclass(frozen=True)
class Series:
    folder: Path
    scheduler: str

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def winnow(self, command: str, date: str, *more: str) -> Result:
        given = ["--stage", "mid.yaml", "--profile", "profile.yaml"]
        scheduler = ["--scheduler", self.scheduler] if command == "run" else []
        asked = [command, *given, "--series", "runs", "--date", date, *scheduler, *more]
        with chdir(self.folder):  # as a line of cron names it
            return CliRunner().invoke(cli.cli, asked)

    def documents(self, date: str) -> dict[str, int]:
        """Documents that the run of a date read, by source."""
        workspace = Workspace(str(self.runs / date))
        found: dict[str, int] = {}
        for path in workspace.list("documents", ".parquet"):
            for source in workspace.read_table(path, columns=["source"])["source"].to_pylist():
                found[source] = found.get(source, 0) + 1
        return found

    def lock(self, date: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.runs / date / "lock.json").read_bytes())
        return found


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> Series:
    """Two weeks: the second brings a crawl in which half is of the first, and another file of notes."""
    folder = tmp_path_factory.mktemp("series")
    (folder / "mid.yaml").write_text(MANIFEST)
    (folder / "profile.yaml").write_text(PROFILE)
    made = Series(folder, scheduler)
    old = texts(12)
    write(folder / "crawl/2026/11-09/a.jsonl", old)
    write(folder / "notes/first.jsonl", texts(10))
    first = made.winnow("run", "2026-11-09")
    assert first.exit_code == 0, first.output
    write(folder / "crawl/2026/11-16/a.jsonl", [*old[:6], *texts(6)])
    write(folder / "notes/second.jsonl", texts(4))
    second = made.winnow("run", "2026-11-16")
    assert second.exit_code == 0, second.output
    return made


def test_a_run_reads_what_no_earlier_one_has_read(series: Series) -> None:
    assert series.documents("2026-11-09") == {"web": 12, "notes": 10}
    assert series.documents("2026-11-16") == {"web": 12, "notes": 4}


def test_what_earlier_runs_hold_goes_and_the_lock_names_the_run_before(series: Series) -> None:
    run = Workspace(str(series.runs / "2026-11-16"))
    dropped = [run.read_table(path) for path in run.list("drops/deduplicate.minhash", ".parquet")]
    assert sum(table.num_rows for table in dropped) == 6
    assert "after" in series.lock("2026-11-16") and "after" not in series.lock("2026-11-09")
    paths = {entry["path"] for entry in series.lock("2026-11-16")["inputs"]}  # type: ignore[attr-defined]
    assert paths == {"crawl/2026/11-16/a.jsonl", "notes/second.jsonl"}


def test_the_same_command_again_is_the_same_run(series: Series) -> None:
    before = series.lock("2026-11-16")
    again = series.winnow("run", "2026-11-16")
    assert again.exit_code == 0 and series.lock("2026-11-16") == before


def test_a_week_without_anything_new_ends_with_its_own_status(
    series: Series, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(series.winnow("run", "2026-11-23").exception, NothingNew)
    given = ["--stage", f"{series.folder}/mid.yaml", "--profile", f"{series.folder}/profile.yaml"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan", *given, "--series", str(series.runs), "--date", "2026-11-23", "--json"])
    assert ended.value.code == 3 and "nothing new" in capsys.readouterr().out
    assert not (series.runs / "2026-11-23").exists()


def test_a_file_that_only_looks_changed_is_not_new(series: Series) -> None:
    copied = series.folder / "copy.jsonl"
    shutil.copyfile(series.folder / "notes/first.jsonl", copied)
    copied.replace(series.folder / "notes/first.jsonl")  # another inode, another time, the same bytes
    assert isinstance(series.winnow("plan", "2026-11-23", "--json").exception, NothingNew)


def test_a_source_at_a_time_comes_to_the_same_lock(series: Series) -> None:
    other = Series(series.folder, series.scheduler)
    kept = series.runs.rename(series.folder / "kept")
    try:
        shutil.copytree(kept / "2026-11-09", series.runs / "2026-11-09")
        told = json.loads(other.winnow("plan", "2026-11-16", "--json").output)
        assert told["sources"] == {"notes": 1, "web": 1} and told["out"] == "runs/2026-11-16"
        for until in ("ingest", "decide"):
            for source in told["sources"]:
                done = other.winnow("run", "2026-11-16", "--until", until, "--source", source)
                assert done.exit_code == 0, done.output
                if until == "ingest" and source == "notes":
                    assert other.documents("2026-11-16") == {"notes": 4}
            assert other.documents("2026-11-16") == {"notes": 4, "web": 12}  # the second took nothing of the first away
        assert other.winnow("run", "2026-11-16").exit_code == 0
        assert other.lock("2026-11-16") == json.loads((kept / "2026-11-16/lock.json").read_bytes())
    finally:
        shutil.rmtree(series.runs)
        kept.rename(series.runs)


def test_a_source_without_anything_new_leaves_its_share_to_the_others(series: Series) -> None:
    write(series.folder / "notes/third.jsonl", texts(6))
    done = series.winnow("run", "2026-11-30")
    assert done.exit_code == 0, done.output
    assert "web: nothing new; its share went to the others" in " ".join(done.output.split())
    assert series.documents("2026-11-30") == {"notes": 6}
    mixture = series.lock("2026-11-30")["manifest"]["mixture"]  # type: ignore[index]
    assert mixture["sources"] == {"notes": 100}
    assert [stage["stage"] for stage in series.lock("2026-11-30")["after"]] == ["mid"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--source", "webs", "--until", "ingest"), "no source 'webs'; did you mean 'web'"),
        (("--source", "web", "--until", "deduplicate"), "--source needs --until ingest, measure, decide"),
        (("--out", "elsewhere"), "leave --out away"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(series: Series, more: tuple[str, ...], told: str) -> None:
    failed = series.winnow("run", "2026-11-16", *more).exception
    assert isinstance(failed, ConfigurationError) and told in str(failed)


def test_a_path_with_a_date_needs_one_and_a_series_too(series: Series) -> None:
    manifest, profile = f"{series.folder}/mid.yaml", f"{series.folder}/profile.yaml"
    with pytest.raises(ConfigurationError, match=r"profile\.yaml:2: sources: crawl/\{date.* asks for a date"):
        load_settings(manifest, profile)
    with pytest.raises(ConfigurationError, match="--series needs --date"):
        load_settings("mid", "sample", series=str(series.runs))

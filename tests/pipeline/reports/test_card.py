"""The cards of a real run: every number against the run's own tables, every file by its SHA-256, read by mlcroissant."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from winnow.pipeline.cli import cli
from winnow.pipeline.configuration.reading import ConfigurationError
from winnow.pipeline.reports.card import Account, data_card, model_card, open_account, trained_in
from winnow.pipeline.reports.croissant import croissant
from winnow.stages.run.workspace import Workspace

READERS = Path(__file__).parents[2] / "readers"


@pytest.fixture(scope="module")
def account(finished: Path) -> Account:
    return open_account(str(finished))


def test_the_front_matter_is_yaml_that_names_every_phase(account: Account) -> None:
    card = data_card(account, "small: a run")
    _, front, text = card.split("---\n", 2)
    head = yaml.safe_load(front)
    assert head["pretty_name"] == "small: a run" and head["license"] == "other"
    assert [config["config_name"] for config in head["configs"]] == ["length-512", "length-2048"]
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "length-512/*.parquet"}]
    assert head["size_categories"] == ["n<1K"] and account.sequences < 1000
    assert text.startswith("# small: a run\n")


def test_rules_tell_what_the_drops_of_the_run_tell(account: Account, finished: Path) -> None:
    drops = pl.read_parquet(f"{finished}/drops/decide/*.parquet")
    counted = dict(drops.group_by("rule").len().iter_rows())
    told = {f"{rule.recipe}.{rule.name}": rule.dropped for rule in account.rules()}
    assert {name: count for name, count in told.items() if count} == counted and counted
    levels = {level: dropped for level, _, dropped in account.levels()}
    for level, dropped in levels.items():
        found = pl.read_parquet(f"{finished}/drops/deduplicate.{level}/*.parquet").height
        assert dropped == found
    assert set(levels) == {"exact", "minhash"}


def test_the_composition_is_what_lies_in_the_shards(account: Account, finished: Path) -> None:
    tokens: dict[str, int] = {}
    for path in finished.glob("shards/*/*.parquet"):
        for segments in pq.read_table(path, columns=["segments"])["segments"].to_pylist():
            for segment in segments:
                tokens[segment["source"]] = tokens.get(segment["source"], 0) + segment["length"]
    assert {share.name: share.tokens for share in account.mixture["sources"]} == tokens
    card = data_card(account, "small")
    for source, count in tokens.items():
        assert any(line.startswith(f"| {source} |") and line.endswith(f" {count:,} |") for line in card.splitlines())


def test_what_was_not_done_is_said(account: Account) -> None:
    lock = json.loads(json.dumps(account.lock))
    assert "Edited by personal_data" in data_card(account, "small") and "Against items" in data_card(account, "small")
    lock["manifest"].update(edits=[], decontaminate=None, deduplicate={"exact": None, "minhash": None})
    card = data_card(Account(lock, account.digest, account.index), "small")
    assert (
        "Texts weren't edited" in card
        and "of no benchmark is it known" in card
        and "**De-duplication.**\nNone." in card
    )


def test_every_shard_stands_in_croissant_with_its_sha256(account: Account, finished: Path) -> None:
    found = croissant(account, Workspace(str(finished)), name="small", base="https://a.example/data/")
    files = {entry["@id"]: entry for entry in found["distribution"] if entry["@type"] == "cr:FileObject"}
    shards = {str(path.relative_to(finished / "shards")): path for path in finished.glob("shards/*/*.parquet")}
    assert set(files) == set(shards)
    for name, path in shards.items():
        assert files[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert files[name]["contentUrl"] == f"https://a.example/data/{name}"
    sets = {entry["@id"] for entry in found["distribution"]} - set(files)
    assert {field["source"]["fileSet"]["@id"] for each in found["recordSet"] for field in each["field"]} == sets


def test_the_model_card_tells_the_recipe_and_what_a_training_left(account: Account, tmp_path: Path) -> None:
    card = model_card(account, "small")
    assert f"| learning_rate | {account.manifest['training']['learning_rate']} |" in card and "Not told" in card
    notes = [{"tokens": 100, "loss": 5.0}, {"tokens": 90, "loss": 4.25}]
    (tmp_path / "steps.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    told = {"phases": {"length-512": {"tokens": 50, "perplexity": 70.1, "bits_per_byte": 1.5}}}
    (tmp_path / "evaluation.json").write_text(json.dumps(told))
    card = model_card(account, "small", trained_in(tmp_path))
    assert "2 steps, 190 tokens, last loss 4.2500" in card and "| length-512 | 50 | 70.10 | 1.5000 |" in card


def test_the_command_writes_three_files_beside_the_run(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    result = CliRunner().invoke(cli, ["card", str(run)])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "run.card").iterdir()) == [
        "MODEL.md",
        "README.md",
        "croissant.json",
    ]
    (run / "shards" / "index.json").write_bytes((run / "shards" / "index.json").read_bytes() + b" ")
    with pytest.raises(ConfigurationError, match="isn't what the lock says"):
        open_account(str(run))


def test_a_run_without_a_lock_and_a_folder_without_a_training_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="finished run"):
        open_account(str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"no steps\.jsonl"):
        trained_in(tmp_path)


@pytest.mark.slow
def test_mlcroissant_finds_no_error_and_reads_every_row(account: Account, finished: Path, tmp_path: Path) -> None:
    python = READERS.parents[1] / ".venv-readers" / "croissant" / "bin" / "python"
    assert python.exists(), f"{python} is missing: run `make readers-test`"
    shutil.copytree(finished / "shards", tmp_path / "data")
    described = croissant(account, Workspace(str(finished)), name="small", base="")
    (tmp_path / "data" / "croissant.json").write_text(json.dumps(described))
    command = [python, READERS / "croissant_rows.py", tmp_path / "data" / "croissant.json", "length-512"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    files = sorted((finished / "shards" / "length-512").glob("*.parquet"))
    assert told["errors"] == []
    assert told["rows"] == [row for path in files for row in pq.read_table(path)["input_ids"].to_pylist()]

"""What a user sees of experiments: a mistake is one sentence, a search leaves a manifest and a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from winnow.experiments import search
from winnow.pipeline.cli import cli
from winnow.pipeline.commands import proxies
from winnow.pipeline.configuration.reading import ConfigurationError


def said(*arguments: str) -> str:
    """The message of a mistake; anything else fails."""
    result = CliRunner().invoke(cli, list(arguments))
    assert isinstance(result.exception, ConfigurationError), (result.output, result.exception)
    return str(result.exception)


def test_mistakes_are_one_sentence(finished: Path, tmp_path: Path) -> None:
    run = str(finished)
    assert "isn't a finished run" in said("mix", "search", str(tmp_path))
    assert "there is nothing at" in said(
        "mix", "search", run, "--held-out", f"code={tmp_path}/none.jsonl", "--out", str(tmp_path)
    )
    assert "local disk" in said("mix", "search", run, "--out", "s3://bucket/x")
    assert "other sources" in said("mix", "search", run, "--out", str(tmp_path / "a"))
    assert "compares with nothing" in said("ablate", f"a={run}")
    assert "there is no gold" in said("ablate", f"a={run}", f"b={run}", "--gold-only")


def test_a_search_by_the_command_leaves_a_manifest_and_a_page(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.experiments.conftest import here
    from winnow.experiments.corpus import open_corpus

    base = tmp_path / "mine.yaml"
    manifest = open_corpus(str(finished), "run").manifest
    base.write_text(manifest.model_dump_json(exclude_defaults=True))
    monkeypatch.setattr(proxies, "cluster", lambda workers: here)
    out = tmp_path / "out"
    arguments = ["mix", "search", str(finished), "--out", str(out), "--stage", str(base), "--proxies", "4"]
    options = ["--preset", "smallest", "--steps", "6", "--batch-tokens", "512", "--held-out-tokens", "512"]
    result = CliRunner().invoke(cli, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert "rank correlation" in result.output and f"{out}/found.yaml" in result.output
    assert (out / "found.yaml").read_text().count("extends: ../mine.yaml") == 1
    assert (out / "search.html").exists() and (out / search.RESULT).exists()

"""Pairs that pass every other check and mean different things are told by a real cross-lingual embedder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from winnow.formats.translations.catalogues import Pair
from winnow.formats.translations.checks import BATCH, Checks
from winnow.formats.translations.similarity import cosines
from winnow.stages.ingest.bilingual import Settings

LANGUAGES, RATIO = ("en", "zh"), (0.4, 3.0)
SEGMENTS, PAGES = 0.4, 0.75
"""Cosines that part true from wrong pairs of this embedder; another one has a scale of its own."""


def write(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


def shifted(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each source with the target of a pair far away."""
    half = len(pairs) // 2
    return [(source, pairs[at - half][1]) for at, (source, _) in enumerate(pairs)]


def test_true_segments_stay_and_wrong_ones_go(
    held_out: list[tuple[str, str]], latent_model: str, tmp_path: Path, ingest: Any
) -> None:
    how = {"pairs": 1, "embedder": latent_model, "least_similarity": SEGMENTS}
    pairs = held_out[::3]
    true, rejected = ingest("bilingual", write(tmp_path / "true.tsv", pairs), **how)
    assert len(true) + len(rejected) == len(pairs)
    assert len(true) > 0.97 * len(pairs)
    cheap, _ = ingest("bilingual", write(tmp_path / "wrong.tsv", shifted(pairs)), pairs=1)
    wrong, rejected = ingest("bilingual", tmp_path / "wrong.tsv", **how)
    assert len(cheap) > 0.5 * len(pairs), "most wrong pairs pass the other checks"
    assert len(wrong) < 0.04 * len(cheap)
    told = [row for row in rejected if row["rule"] == "bilingual.similarity"]
    assert len(told) == len(cheap) - len(wrong)
    assert {row["threshold"] for row in told} == {f"≥ {SEGMENTS}"}
    assert all(float(row["value"]) <= SEGMENTS for row in told)


def test_pages_are_compared_as_a_whole(latent_model: str, tmp_path: Path, ingest: Any, gold: Any) -> None:
    rows = list(gold("zh_en/vue_docs"))
    for side, name in (("true", lambda at: at), ("wrong", lambda at: (at + len(rows) // 2) % len(rows))):
        for at, row in enumerate(rows):
            for language, text in (("en", row["en"]), ("zh-cn", rows[name(at)]["zh"])):
                page = tmp_path / side / language / f"{at}.md"
                page.parent.mkdir(parents=True, exist_ok=True)
                page.write_text(text, encoding="utf-8")
    how = {"embedder": latent_model, "least_similarity": PAGES, "length_ratio": (0.0, 100.0)}
    true, _ = ingest("bilingual", tmp_path / "true", **how)
    wrong, rejected = ingest("bilingual", tmp_path / "wrong", **how)
    assert len(true) > 0.97 * len(rows)
    assert len(wrong) < 0.3 * len(rows), "pages of one manual are all about one thing"
    assert {row["rule"] for row in rejected} <= {"bilingual.similarity", "bilingual.language"}


def test_pairs_keep_their_order_and_are_embedded_in_batches(held_out: list[tuple[str, str]], latent_model: str) -> None:
    texts = [*held_out[:150], ("", "空"), *shifted(held_out)[:50]]
    pairs = [Pair(source, target, str(at)) for at, (source, target) in enumerate(texts)]
    measure = cosines(latent_model)
    asked = sys.modules["latent_index"].asked
    asked.clear()
    judged = list(Checks(LANGUAGES, RATIO, True, measure, SEGMENTS).judged(iter(pairs)))
    assert [pair for pair, _ in judged] == pairs
    assert judged[150][1] is not None
    assert judged[150][1].rule == "empty"
    assert len(asked) <= 2 * -(-len(pairs) // BATCH)
    assert max(asked) <= BATCH
    alone = [next(iter(Checks(LANGUAGES, RATIO, True, measure, SEGMENTS).judged([pair])))[1] for pair in pairs]
    assert [wrong for _, wrong in judged] == alone


def test_a_text_without_a_vector_is_like_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zeros:
        @staticmethod
        def embed(texts: list[str]) -> Any:
            return np.array([[0.0, 0.0] if not text else [3.0, 4.0] for text in texts])

        @staticmethod
        def short(texts: list[str]) -> Any:
            return np.zeros((1, 2))

    monkeypatch.setitem(sys.modules, "zeros", Zeros)  # type: ignore[arg-type]
    pairs = [Pair("a", "b", ""), Pair("a", "", "")]
    assert cosines("zeros:embed")(pairs) == pytest.approx([1.0, 0.0])
    with pytest.raises(ValueError, match=r"zeros:short: expected a vector for each of 2 texts, found shape \(1, 2\)"):
        cosines("zeros:short")(pairs)


def test_embedder_and_threshold_need_each_other() -> None:
    for half in ({"embedder": "a:b"}, {"least_similarity": 0.5}):
        with pytest.raises(ValidationError, match="need each other"):
            Settings(**half)  # type: ignore[arg-type]


def test_a_model_that_is_not_there_is_named(tmp_path: Path, ingest: Any) -> None:
    write(tmp_path / "a.tsv", [("One mill.", "一座磨坊。")])
    with pytest.raises(LookupError, match="no embedding function 'no_such_package:embed'"):
        ingest("bilingual", tmp_path / "a.tsv", embedder="no_such_package:embed", least_similarity=0.5)


def test_without_an_embedder_nothing_of_it_is_imported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", [("One mill.", "一座磨坊。")])
    program = (
        "import sys; from winnow.stages.ingest import bilingual as kind; from winnow.stages.ingest.source import Builder\n"
        f"how, builder = kind.Settings(), Builder('s', 'bilingual', print)\n"
        f"[kind.read(split, how, builder) for split in kind.splits({str(path)!r}, how)]\n"
        "assert builder.documents == 1\n"
        "sys.exit(str([name for name in sys.modules if name in ('winnow.filters.embedder', 'torch', 'sentence_transformers')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.stderr.strip() == "[]"

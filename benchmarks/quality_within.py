"""A quality that five manuals share, learnt within each of them, and told in a manual that the model wasn't shown.

    python -m benchmarks.quality_within [FOLDER]     FOLDER: static embeddings, model.safetensors and tokenizer.json

Better are passages that explain (tutorials, guides), the others look something up (references), by the folder that their
manual puts them in: Vue's and Python's in English and Chinese, TiDB's in Chinese, Django's in English. Passages of one page
count as one page when an interval is drawn. Settings are the defaults; nothing was tuned on these pages. Each model is fitted
without the manual that it is tried on, in either language. Beside it stands what the labels' shares in the manuals alone
would tell, were the manual known: a model that learns the domain does well across manuals, and not within one.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.gold import rows
from winnow.filters.classifier import all_scores
from winnow.filters.strata import area_within, strata, unseen_sources
from winnow.filters.training import Training, fit_model

CHARACTERS, PIECES, SHORTEST = 1500, 4, 300
EXPLAINS = {
    "vue": r"^src/(guide|tutorial)/",
    "python": r"^(tutorial|howto|faq)/",
    "tidb": r"^(develop|best-practices|ai)/|overview|quick-start|introduction",
    "django": r"^(intro|topics|howto|faq)/",
}
LOOKS_UP = {
    "vue": r"^src/api/",
    "python": r"^(library|c-api|reference)/",
    "tidb": r"^(sql-statements|information-schema|functions-and-operators|system-variables|performance-schema)",
    "django": r"^ref/",
}
WITHIN = ("source", "language")
DJANGO = Path(__file__).parents[1] / "data/sdists/Django-4.2.13.tar.gz"


def pages() -> Iterator[tuple[str, str, str, str]]:
    """Source, language, path, text."""
    for row in rows("zh_en/vue_docs"):
        for language in ("en", "zh"):
            yield "vue", language, row["path"], row[language]
    for row in rows("zh_en/python_docs_po"):
        for language in ("en", "zh"):
            yield "python", language, row["path"], "\n\n".join(entry[language] or "" for entry in row["entries"])
    for row in rows("zh_en/tidb_docs_cn"):
        yield "tidb", "zh", row["path"], row["text"]
    with tarfile.open(DJANGO) as archive:
        for member in archive:
            path = member.name.partition("/docs/")[2]
            if path.endswith(".txt") and (file := archive.extractfile(member)) is not None:
                yield "django", "en", path, file.read().decode("utf-8")


def passages() -> pa.Table:
    found = []
    for source, language, path, text in pages():
        label = (
            "explains" if re.search(EXPLAINS[source], path) else "looks_up" if re.search(LOOKS_UP[source], path) else ""
        )
        for start in range(0, min(len(text), PIECES * CHARACTERS) if label else 0, CHARACTERS):
            piece = text[start : start + CHARACTERS]
            if len(piece) >= SHORTEST:
                found.append(
                    {
                        "text": piece,
                        "label": label,
                        "source": source,
                        "language": language,
                        "document": f"{source} {language} {path}",
                    }
                )
    return pa.Table.from_pylist(found)


def scores(shown: pa.Table, hidden: pa.Table, settings: Training) -> Mapping[str, npt.NDArray[np.float64]]:
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/model"
        fit_model(shown, model, settings)
        return all_scores(hidden["text"], model, by_character=settings.by_character)


def main(folder: str | None = None) -> None:
    everything = passages()
    counts: dict[tuple[str, str, str], int] = {}
    for row in everything.select(["source", "language", "label"]).to_pylist():
        key = (row["source"], row["language"], row["label"])
        counts[key] = counts.get(key, 0) + 1
    for key, count in sorted(counts.items()):
        print(f"{count:5} {' '.join(key)}")
    kinds = {"fastText": Training()} | ({"static head": replace(Training(), embeddings=folder)} if folder else {})
    truth = np.array([label == "explains" for label in everything["label"].to_pylist()])
    for name, settings in kinds.items():
        for what, even in (("labels as they come", False), ("within source and language", True)):
            begun = time.process_time()

            def fitted(
                shown: pa.Table, hidden: pa.Table, settings: Training = settings, even: bool = even
            ) -> Mapping[str, npt.NDArray[np.float64]]:
                left = set(hidden["source"].to_pylist())
                as_they_come = everything.filter(
                    pa.array([name not in left for name in everything["source"].to_pylist()])
                )
                return scores(shown if even else as_they_come, hidden, settings)

            (found,) = unseen_sources(everything, WITHIN, fitted, document="document")
            print(
                f"{name:12} {what:27} looks_up against explains, within unseen manuals: {found.area:.3f} "
                f"({found.low:.3f}–{found.high:.3f}), {found.documents} pages, {time.process_time() - begun:.0f} s"
            )
    shares = {place: truth[strata(everything, WITHIN) == place].mean() for place in set(strata(everything, WITHIN))}
    known = np.array([shares[place] for place in strata(everything, WITHIN)])
    print(
        f"the manual alone: {area_within(truth, known, np.zeros(len(truth), np.int64)):.3f} across manuals, "
        f"{area_within(truth, known, strata(everything, WITHIN)):.3f} within them"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

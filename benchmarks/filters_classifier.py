"""A topic classifier from labels that the sources give: how good it is, and whether its report can be believed.

    python -m benchmarks.filters_classifier [--run runs/mid]

Code, mathematics, prose and dialogue, English and Chinese, from a run's repositories and the gold sets, up to `PIECES`
passages of a document. `winnow.filters.training` makes the model from some sources and reports on passages that it holds back;
then it is tried on sources that it hasn't seen at all, where scikit-learn counts beside it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, precision_recall_fscore_support

from benchmarks.gold import rows
from winnow.filters.classifier import all_scores, into_buckets, measure, tempered
from winnow.filters.training import CALIBRATION_BINS, Evaluation, evaluate, train

CHARACTERS, PIECES, PASSAGES = 1500, 3, 1500
Sources = dict[str, tuple[tuple[str, str], ...]]
"""Label → gold set and the field of its text, or a programming language of the run and no field."""
KNOWN: Sources = {
    "code": (("Python", ""), ("JavaScript", ""), ("TypeScript", ""), ("Rust", ""), ("Java", "")),
    "dialogue": (("instruct/glaive_toolcall_en_zh", "conversations"), ("instruct/seed_tasks_en_zh", "instances")),
    "mathematics": (("math/openlogic_tex", "tex"), ("math/stacks_tex", "tex")),
    "prose": (
        ("long/rust_rfcs_en", "text"),
        ("quality/onestop_english_levels", "adv"),
        ("zh_en/tidb_docs_cn", "text"),
        ("long/zh_laws", "text"),
    ),
}
UNSEEN: Sources = {
    "code": (("C", ""), ("C++", ""), ("CSS", "")),
    "dialogue": (("instruct/tau_bench_airline_trajectories", "messages"), ("instruct/mt_bench_questions", "turns")),
    "mathematics": (("math/hott_book_tex", "tex"), ("math/latexml_tex_xml", "tex")),
    "prose": (("zh_en/vue_docs", "en"), ("zh_en/vue_docs", "zh")),
}


def passages(sources: Sources, run: Path) -> pa.Table:
    """Columns `text` and `label`, at most `PASSAGES` of each source."""
    texts, labels = [], []
    for label, places in sources.items():
        for place, field in places:
            documents = (spoken(row[field]) for row in rows(place)) if field else code(run, place)
            cut = (
                text[start : start + CHARACTERS]
                for text in documents
                for start in range(0, min(len(text), PIECES * CHARACTERS), CHARACTERS)
            )
            found = [text for text in cut if len(text) > CHARACTERS // 8][:PASSAGES]
            texts += found
            labels += [label] * len(found)
    return pa.table({"text": pa.array(texts, pa.large_string()), "label": labels})


def spoken(value: Any) -> str:
    """A text as it is; of a list of turns what is said in them."""
    if isinstance(value, str):
        return value
    turns = (turn if isinstance(turn, str) else " ".join(filter(None, map(said, turn.items()))) for turn in value)
    return "\n\n".join(turns)


def said(entry: tuple[str, Any]) -> str:
    name, value = entry
    return value if name in ("value", "content", "input", "output") and isinstance(value, str) else ""


def code(run: Path, language: str) -> Iterator[str]:
    for path in sorted((run / "documents").glob("repositories-*.parquet")):
        table = pq.read_table(path, columns=["text", "language"])
        yield from table.filter(pc.equal(table["language"], language))["text"].to_pylist()


def show(title: str, found: Evaluation) -> None:
    print(f"{title}: {found.validation_documents} passages, accuracy {found.accuracy:.4f}")
    for name, quality in found.labels.items():
        print(
            f"  {name:12} precision {quality.precision:.4f}  recall {quality.recall:.4f}  F1 {quality.f1:.4f}"
            f"  ({quality.documents})"
        )
    print(
        f"  calibration error {found.calibration_error:.4f}, {found.tempered_calibration_error:.4f} after tempering"
        f" by {found.temperature:.3f}"
    )


def check(found: Evaluation, unseen: pa.Table, model: str) -> float:
    """The largest difference between our report and scikit-learn's count of the same probabilities."""
    scores = all_scores(unseen["text"], model)
    names, matrix = list(scores), np.stack(list(scores.values()), axis=1)
    truth = np.array([names.index(label) for label in unseen["label"].to_pylist()])
    differences = [found.calibration_error - expected_error(matrix, truth)]
    differences.append(found.tempered_calibration_error - expected_error(tempered(matrix, found.temperature), truth))
    theirs = precision_recall_fscore_support(truth, matrix.argmax(axis=1), labels=range(len(names)), zero_division=0)
    for column, name in enumerate(names):
        quality = found.labels[name]
        ours = (quality.precision, quality.recall, quality.f1, quality.documents)
        differences += [left - right[column] for left, right in zip(ours, theirs, strict=True)]
    losses = {scale: log_loss(truth, tempered(matrix, found.temperature * scale)) for scale in (0.9, 1.0, 1.1)}
    if min(losses, key=lambda scale: losses[scale]) != 1.0:
        print(f"  scikit-learn's loss is lower beside the temperature: {losses}")
    return float(np.abs(differences).max())


def expected_error(matrix: npt.NDArray[np.float64], truth: npt.NDArray[np.int64]) -> float:
    """The distance of confidence and accuracy over ten equal bands, weighed by documents, from scikit-learn's curve."""
    sure, right = matrix.max(axis=1), matrix.argmax(axis=1) == truth
    shares, means = calibration_curve(right, sure, n_bins=CALIBRATION_BINS)
    counts, _ = np.histogram(sure, bins=CALIBRATION_BINS, range=(0, 1))
    return float((np.abs(shares - means) * counts[counts > 0]).sum() / len(truth))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/mid"))
    run = parser.parse_args().run
    known, unseen = passages(KNOWN, run), passages(UNSEEN, run)
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/topic.bin"
        show(f"held back, of the sources of {known.num_rows} passages", train(known, model, validation=0.2))
        found = evaluate(unseen, model)
        show("sources not seen", found)
        print(f"  scikit-learn differs by {check(found, unseen, model):.1e} at most")
        table = measure(unseen, model=model, label="mathematics", edges=[0.1, 0.9])
        buckets = table["classifier.bucket"].to_numpy()
        assert (buckets == into_buckets(table["classifier.mathematics"].to_numpy(), [0.1, 0.9])).all()
        truth = np.array(unseen["label"].to_pylist())
        print("  buckets of mathematics, cut at 0.1 and 0.9: ", end="")
        print(json.dumps([{name: int((truth[buckets == b] == name).sum()) for name in KNOWN} for b in range(3)]))


if __name__ == "__main__":
    main()

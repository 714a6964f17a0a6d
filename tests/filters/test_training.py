"""Training: the same model from the same documents, an evaluation that is right, errors that name the file and the row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from winnow.filters.classifier import all_scores, bucket_edges, into_buckets, measure, score, tempered
from winnow.filters.training import Training, evaluate, read_labelled, train

SETTINGS = Training(dimension=16, epochs=5)


def labelled(count: int) -> pa.Table:
    """Documents of two made-up vocabularies that share a third of their words; one in ten bears the other's label."""
    generator = np.random.default_rng(7)
    texts, labels = [], []
    for number in range(count):
        label = "good" if number % 2 else "poor"
        words = generator.integers(0, 300, 30) + (0 if label == "good" else 200)
        texts.append(f"document {number} " + " ".join(f"w{word}" for word in words))
        labels.append(label if generator.random() > 0.1 else ("poor" if label == "good" else "good"))
    return pa.table({"text": pa.array(texts, pa.large_string()), "label": labels})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("model") / "quality.bin")
    train(labelled(600), path, validation=0.2, settings=SETTINGS)
    return path


def test_equal_documents_give_an_equal_model_and_report(model: str, tmp_path: Path) -> None:
    again = tmp_path / "again.bin"
    train(labelled(600), str(again), validation=0.2, settings=SETTINGS)
    assert again.read_bytes() == Path(model).read_bytes()
    assert Path(f"{again}.json").read_text() == Path(f"{model}.json").read_text()


def test_the_evaluation_is_what_counting_by_hand_gives(model: str) -> None:
    unseen = labelled(400).slice(200)
    evaluation = evaluate(unseen, model)
    scores = all_scores(unseen["text"], model)
    guesses = [max(scores, key=lambda label: scores[label][row]) for row in range(unseen.num_rows)]
    truth = unseen["label"].to_pylist()
    right = sum(guess == "good" == true for guess, true in zip(guesses, truth, strict=True))
    assert evaluation.labels["good"].precision == pytest.approx(right / guesses.count("good"))
    assert evaluation.labels["good"].recall == pytest.approx(right / truth.count("good"))
    assert evaluation.accuracy == pytest.approx(np.mean([a == b for a, b in zip(guesses, truth, strict=True)]))
    assert 0.8 < evaluation.accuracy < 0.97  # a tenth of the labels is wrong
    assert sum(documents for _, _, documents in evaluation.calibration) == unseen.num_rows


def test_tempering_never_makes_the_validation_loss_worse_and_keeps_sums_of_one(model: str) -> None:
    report = json.loads(Path(f"{model}.json").read_text())
    assert report["tempered_calibration_error"] <= report["calibration_error"] + 0.02
    found = np.array([[0.9, 0.1], [0.5, 0.5], [0.0, 0.0]])
    assert tempered(found, 2.0).sum(axis=1) == pytest.approx([1, 1, 0])
    assert tempered(found, 2.0)[0, 0] == pytest.approx(0.75)  # 3 : 1 are the square roots of 9 : 1
    assert tempered(found, 1.0) is found


def test_buckets_of_the_training_are_of_equal_size_and_edges_can_be_given(model: str) -> None:
    documents = labelled(500).select(["text"])
    table = measure(documents, model=model, label="good", buckets=4)
    sizes = np.bincount(table["classifier.bucket"].to_numpy(), minlength=4)
    assert sizes.min() > 0.1 * len(documents)
    fixed = measure(documents, model=model, label="good", edges=[0.5])
    assert fixed["classifier.bucket"].to_pylist() == [
        int(value >= 0.5) for value in score(documents["text"], model, "good")
    ]
    assert fixed["classifier.score"].equals(fixed["classifier.good"])
    assert into_buckets(np.array([0.1, 0.5, 0.9]), [0.5, 0.8]).tolist() == [0, 1, 2]
    assert bucket_edges(np.arange(101.0), 4) == (25.0, 50.0, 75.0)
    with pytest.raises(ValueError, match="rise"):
        into_buckets(np.array([0.1]), [0.8, 0.5])


def test_an_unknown_label_and_a_model_without_report_say_what_to_do(model: str, tmp_path: Path) -> None:
    documents = labelled(4)
    with pytest.raises(ValueError, match="no label 'best'; there are"):
        score(documents["text"], model, "best")
    alone = tmp_path / "alone.bin"
    alone.write_bytes(Path(model).read_bytes())
    with pytest.raises(ValueError, match="give `edges`"):
        measure(documents, model=str(alone))


def test_labelled_documents_are_read_from_parquet_and_json_lines_alike(tmp_path: Path) -> None:
    rows = labelled(5)
    pq.write_table(rows, tmp_path / "rows.parquet")
    lines = "".join(json.dumps(row) + "\n" for row in rows.to_pylist())
    (tmp_path / "rows.jsonl").write_text(lines + "\n")
    both = read_labelled([str(tmp_path / "rows.parquet"), str(tmp_path / "rows.jsonl")])
    assert both.slice(0, 5).to_pylist() == both.slice(5).to_pylist() == rows.to_pylist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "x"}\n{"text": 3, "label": "y"}\n', "row 2"),
        ('{"text": "a"}\n', "row 1"),
        ("{broken\n", "line 1: not JSON"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"bad\.jsonl.*{message}"):
        read_labelled([str(path)])


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_file_that_was_cut_is_named(tmp_path: Path, suffix: str) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in labelled(500).to_pylist()).encode()
    packed = (gzip.compress if suffix == "gz" else zstandard.compress)(lines)
    path = tmp_path / f"rows.jsonl.{suffix}"
    path.write_bytes(packed)
    assert read_labelled([str(path)]).num_rows == 500
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ValueError, match=rf"rows\.jsonl\.{suffix} can't be read to its end"):
        read_labelled([str(path)])


def test_one_label_or_no_validation_document_is_refused(tmp_path: Path) -> None:
    table = labelled(20)
    same = table.set_column(1, "label", pa.array(["x"] * 20))
    with pytest.raises(ValueError, match="two labels"):
        train(same, str(tmp_path / "m.bin"), validation=0.3)
    with pytest.raises(ValueError, match="no document fell to validation"):
        train(table, str(tmp_path / "m.bin"), validation=0.0)
    with pytest.raises(ValueError, match="word_grams"):
        Training(word_grams=1)


def test_a_model_that_was_trained_anew_is_read_anew(tmp_path: Path) -> None:
    path, unseen = str(tmp_path / "model.bin"), labelled(200)
    train(labelled(900), path, validation=0.2, settings=SETTINGS)
    before, edges = score(unseen["text"], path, "good"), measure(unseen, model=path, label="good")
    renamed = labelled(900)
    swapped = ["poor" if label == "good" else "good" for label in renamed["label"].to_pylist()]
    evaluation = train(renamed.set_column(1, "label", pa.array(swapped)), path, validation=0.2, settings=SETTINGS)
    assert evaluation.accuracy > 0.8
    assert np.corrcoef(before, score(unseen["text"], path, "good"))[0, 1] < -0.8
    assert not measure(unseen, model=path, label="good").equals(edges)


def test_chinese_without_spaces_is_told_by_its_characters(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    own = {"kitchen": "炒菜煮饭切肉汤锅", "court": "法院判决律师原告"}
    texts, labels = [], []
    for number in range(400):
        label = list(own)[number % 2]
        texts.append("".join(generator.choice([*own[label], *"的了在是我有不这个们中来上"], 24)))
        labels.append(label)
    table = pa.table({"text": pa.array(texts, pa.large_string()), "label": labels})
    assert train(table, str(tmp_path / "characters.bin"), validation=0.25, settings=SETTINGS).accuracy > 0.95
    assert evaluate(table, str(tmp_path / "characters.bin")).accuracy > 0.95  # its report says how to read a text
    whole = Training(dimension=16, epochs=5, by_character=False)
    assert train(table, str(tmp_path / "clauses.bin"), validation=0.25, settings=whole).accuracy < 0.7


def test_within_sources_the_source_is_no_news_and_the_report_tells_of_sources_not_seen(tmp_path: Path) -> None:
    """Documents of `a` are mostly good, those of `b` mostly poor: a model of the labels as they come learns whose they are."""
    generator = np.random.default_rng(3)
    rows = []
    for number in range(900):
        source = "abc"[number % 3]
        good = generator.random() < {"a": 0.9, "b": 0.1, "c": 0.5}[source]
        words = [f"{source}{word}" for word in generator.integers(0, 20, 20)]
        words += [f"{'good' if good else 'poor'}{word}" for word in generator.integers(0, 40, 2)]
        words += [f"either{word}" for word in generator.integers(0, 40, 20)]
        rows.append({"text": f"{number} " + " ".join(words), "label": "good" if good else "poor", "source": source})
    given = pa.Table.from_pylist(rows)
    plain = train(given, str(tmp_path / "plain"), validation=0.2, settings=SETTINGS)
    within = train(given, str(tmp_path / "within"), validation=0.2, settings=SETTINGS, within=["source"])
    assert (plain.within, plain.unseen, within.within) == ((), (), ("source",))
    (unseen,) = within.unseen
    assert (unseen.label, unseen.documents) == ("poor", 900) and unseen.low < unseen.area < unseen.high
    marks = pa.array([" ".join(f"{source}{word}" for word in range(20)) for source in "ab"])  # whose, and nothing else
    by_source = {name: np.diff(all_scores(marks, str(tmp_path / name))["poor"])[0] for name in ("plain", "within")}
    assert by_source["plain"] > 0.5 > abs(by_source["within"]) * 2
    report = json.loads((tmp_path / "within.json").read_text())
    assert report["within"] == ["source"] and report["unseen"][0]["area"] == unseen.area


def test_columns_to_stay_within_are_read_and_a_missing_value_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "a", "label": 1, "source": "x", "language": "en"}, {"text": "b", "label": 0, "source": "y"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_labelled([str(path)], within=["source"])["source"].to_pylist() == ["x", "y"]
    with pytest.raises(ValueError, match=r"rows\.jsonl, row 2: expected a value in 'language'"):
        read_labelled([str(path)], within=["source", "language"])

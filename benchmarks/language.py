"""Language identification beside its peers: accuracy by language on gold documents, and the speed of each on one core.

    NUMBA_NUM_THREADS=1 python -m benchmarks.language --corpora ../shared/corpora --model data/models/lid.176.ftz
    NUMBA_NUM_THREADS=1 python -m benchmarks.language --catalogues FOLDER --every 1      a package of messages unpacked there

Labels are compared before speeds: the kernels must give fastText's own on every document. Speeds are medians of rounds
in which all take turns on the same documents.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

from winnow.filters.kernels.bytes import text_buffers
from winnow.filters.kernels.fasttext import classify_pieces
from winnow.filters.kernels.fasttext_model import load_model
from winnow.filters.language import measure
from winnow.filters.language_labels import CHINESE

ROUNDS = 3
SLOW_DOCUMENTS = 150  # for peers below 1 MB/s
Labels = list[str]
NO_LANGUAGES = {"en"}
"""Catalogues of English say nothing: the messages are English."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8"):
            yield json.loads(line)


def gold(corpora: Path) -> list[tuple[str, str]]:
    """Texts of 200 characters and more with their language, from six sets."""
    found: list[tuple[str, str]] = []
    for row in rows(corpora / "zh_en/fastapi_docs_multilang.jsonl.zst"):
        found += [(text, language.split("-")[0]) for language, text in row["texts"].items()]
    for name in ("vue_docs", "d2l_en_zh_math"):
        for row in rows(corpora / f"zh_en/{name}.jsonl.zst"):
            found += [(row["en"], "en"), (row["zh"], "zh")]
    for name in ("zh_laws", "de_laws_long"):
        found += [(row["text"], row["lang"]) for row in rows(corpora / f"long/{name}.jsonl.zst")]
    for row in rows(corpora / "langid/wortschatz_sentences_79langs.jsonl.zst"):
        joined = " ".join(row["sentences"])
        found += [(joined[start : start + 1000], row["lang"]) for start in range(0, min(len(joined), 20_000), 1000)]
    return [(text, language) for text, language in found if len(text) >= 200]


def catalogues(folder: Path) -> list[tuple[str, str]]:
    """Translations of messages in pieces of 1,000 characters, with the language of their folder (`…/locale/zu/…/x.po`)."""
    found = []
    for path in sorted(folder.rglob("locale/*/LC_MESSAGES/*.po")):
        language = path.parts[-3].split("_")[0]
        entries = path.read_text("utf-8").split("\n\n")
        said = [
            "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', entry.partition("msgstr")[2]))
            for entry in entries
            if "#, fuzzy" not in entry and "msgstr" in entry
        ]
        text = re.sub(r"%\(\w+\)\w|%\w|\\.", " ", "\n".join(one for one in said[1:] if one))
        found += [(text[at : at + 1000], language) for at in range(0, len(text), 1000)]
    return [(text, language) for text, language in found if len(text) >= 200 and language not in NO_LANGUAGES]


def peers(model: str) -> dict[str, Callable[[list[str]], Labels]]:
    """Ways to label texts, by name; a peer that isn't installed is left out."""
    loaded = load_model(model)
    names = [*("zh" if label in CHINESE else label for label in loaded.labels), "und"]

    def recipe(texts: list[str], second: str = "") -> Labels:
        table = pa.table({"text": pa.array(texts, pa.large_string())})
        labels = measure(table, model=model, second=second)["language.label"].to_pylist()
        return ["nb" if label == "no" else label for label in labels]  # lid.176's Norwegian that isn't Nynorsk

    def kernels(texts: list[str]) -> Labels:
        data, offsets = text_buffers(pa.array(texts, pa.large_string()))
        _, _, labels, _ = classify_pieces(loaded, data, offsets[:-1], offsets[1:], np.arange(offsets.size))
        return [names[label] for label in labels]

    found: dict[str, Callable[[list[str]], Labels]] = {"recipe": recipe, "kernels": kernels}
    try:
        import pycld2

        found["second"] = lambda texts: recipe(texts, "cld2")
    except ImportError as error:
        print(f"without pycld2: {error}")
    try:
        import fasttext

        original = fasttext.load_model(model)

        def fasttext_labels(texts: list[str]) -> Labels:
            answers = (original.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict") for text in texts)
            labels = (answer[0][1].removeprefix("__label__") if answer else "und" for answer in answers)
            return ["zh" if label in CHINESE else label for label in labels]

        found["fasttext"] = fasttext_labels
    except ImportError as error:
        print(f"without fasttext: {error}")
    try:
        import py3langid

        found["py3langid"] = lambda texts: [py3langid.classify(text)[0] for text in texts]
    except ImportError as error:
        print(f"without py3langid: {error}")
    try:
        from lingua import LanguageDetectorBuilder

        detector = LanguageDetectorBuilder.from_all_languages().build()

        def lingua_labels(texts: list[str]) -> Labels:
            languages = (detector.detect_language_of(text) for text in texts)
            return [language.iso_code_639_1.name.lower() if language else "und" for language in languages]

        found["lingua"] = lingua_labels
    except ImportError as error:
        print(f"without lingua: {error}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--model", default="data/models/lid.176.ftz")
    parser.add_argument("--catalogues", type=Path, help="a folder of translated messages instead of the gold sets")
    parser.add_argument("--every", type=int, default=4, help="take one gold document in so many")
    arguments = parser.parse_args()
    documents = catalogues(arguments.catalogues) if arguments.catalogues else gold(arguments.corpora)
    documents = documents[:: arguments.every]
    labellers = peers(arguments.model)
    texts = [text for text, _ in documents]
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents of at least 200 characters, {size:.1f} MB")
    few = np.linspace(0, len(texts) - 1, min(SLOW_DOCUMENTS, len(texts))).astype(int).tolist()
    answers: dict[str, dict[int, str]] = {}
    times: dict[str, list[float]] = defaultdict(list)
    for round in range(ROUNDS + 1):  # the first one compiles and loads
        for name, label in labellers.items():
            chosen = few if name in ("lingua", "py3langid") else range(len(texts))
            if round == 0 and name == "lingua":
                continue
            batch = [texts[place] for place in chosen]
            start = time.process_time()
            answers[name] = dict(zip(chosen, label(batch), strict=True))
            if round:
                times[name].append(time.process_time() - start)
    if "fasttext" in answers:
        equal = sum(answers["kernels"][place] == label for place, label in answers["fasttext"].items())
        print(f"the kernels give fastText's label on {equal} of {len(texts)} documents")
    print(f"{'':10} {'zh':>7} {'en':>7} {'all':>7} {'MB/s':>7}   (accuracy by document)")
    for name, labels in answers.items():
        shares = []
        for wanted in ("zh", "en", None):
            places = [place for place in labels if wanted is None or documents[place][1] == wanted]
            shares.append(np.mean([labels[place] == documents[place][1] for place in places]) if places else np.nan)
        megabytes = sum(len(texts[place].encode()) for place in labels) / 1e6
        print(
            f"{name:10} "
            + " ".join(f"{share:7.4f}" for share in shares)
            + f" {megabytes / statistics.median(times[name]):7.1f}"
        )
    for name in ("recipe", "second"):
        if name in answers:
            print(f"{name} by language:", *by_language(answers[name], [language for _, language in documents]))


def by_language(answers: dict[int, str], truth: Labels) -> Iterator[str]:
    """The recipe's share of right answers in each language, the worst first; those without a fault in one."""
    right: dict[str, list[bool]] = defaultdict(list)
    for place, answer in answers.items():
        right[truth[place]].append(answer == truth[place])
    faulty = sorted((statistics.mean(found), language) for language, found in right.items() if not all(found))
    yield from (f"{language} {share:.2f} of {len(right[language])}," for share, language in faulty)
    faultless = [len(found) for found in right.values() if all(found)]
    yield f"the other {len(faultless)} languages 1.00 of {sum(faultless)}"


if __name__ == "__main__":
    main()

"""MinHash beside datasketch, rensa and datatrove: signatures, and text to survivors.

    python -m benchmarks.deduplicate signatures     documents per second on 114 MB of English and Chinese
    python -m benchmarks.deduplicate pipeline       text → survivors beside datatrove's four stages

Times are of the processor, in one thread, after a round on a few pages that compiles and loads. What is found and
missed: `benchmarks/deduplicate_quality.py`; memory and scale: `benchmarks/deduplicate_scale.py`.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from loguru import logger

from benchmarks.gold import pages, rows
from winnow.stages.deduplicate import minhash
from winnow.stages.deduplicate.recipes import MinHashSettings
from winnow.stages.deduplicate.signature import sign
from winnow.stages.document import DOCUMENT, document_id
from winnow.stages.layout import carry_out, keep
from winnow.stages.run.workspace import Workspace

BANDS, ROWS, SHINGLE = 14, 8, 5
PERMUTATIONS = BANDS * ROWS
MORE = {
    "en": (
        "math/stacks_tex",
        "math/openlogic_tex",
        "math/hott_book_tex",
        "quality/onestop_english_levels",
        "license/scancode_license_texts",
    ),
    "zh": ("long/zh_classics", "long/zh_poetry_classics"),
}
"""Further gold sets: the usual pages alone are 62 MB."""
SPACED = re.compile(r"\w+")
NORMALISED = re.compile(r"[\u3005-\u3007\u3040-\u312f\u3400-\u9fff]|[^\W_\u3005-\u3007\u3040-\u312f\u3400-\u9fff]+")
UNSPACED = re.compile(r"[\u3400-\u9fff]|[a-z0-9]+")


def terms(text: str, language: str) -> list[str]:
    """What a careful user of the peers would write: lower case, words or characters."""
    return (UNSPACED if language == "zh" else SPACED).findall(text.lower())


def shingles(text: str, language: str) -> set[str]:
    return _runs(terms(text, language))


def normalised_shingles(text: str) -> set[str]:
    """The shingles by Winnow's normalisation, in slow and obvious Python."""
    plain = []
    for character in text:
        if "가" <= character <= "힣":  # a syllable is a letter, though it has a decomposition
            plain.append(character)
            continue
        folded = "".join(part for part in normalize("NFKD", character) if not "\u0300" <= part <= "\u036f").lower()
        plain.append(folded if len(folded) == 1 or not folded else character.lower())
    return _runs(NORMALISED.findall(re.sub(r"\d+", "0", "".join(plain))))


def _runs(found: list[str]) -> set[str]:
    return {" ".join(found[at : at + SHINGLE]) for at in range(max(1, len(found) - SHINGLE + 1))}


def ours(texts: pa.Array) -> np.ndarray:
    return sign(texts, permutations_=PERMUTATIONS, shingle=SHINGLE, characters=False, seed=1)[0]


def by_datasketch(texts: Sequence[str], language: str) -> list[np.ndarray]:
    from datasketch import MinHash

    found = []
    for text in texts:
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in shingles(text, language)])
        found.append(sketch.hashvalues)
    return found


def by_rensa(texts: Sequence[str], language: str) -> object:
    from rensa import RMinHash

    return RMinHash.digest_matrix_from_token_sets(
        [list(shingles(text, language)) for text in texts], num_perm=PERMUTATIONS, seed=1
    )


def by_datatrove(texts: Sequence[str], language: str, *, split_at_spaces: bool) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, config, language={"en": "eng", "zh": "cmn"}[language])
        if split_at_spaces:
            step.word_tokenizer = SpaceSplitter()
        step.run((Document(text=text, id=str(at)) for at, text in enumerate(texts)), rank=0, world_size=1)


class SpaceSplitter:
    """What datatrove's word splitter would be if it were quick: the fair comparison."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()


def processor_seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def signatures() -> None:
    """All pages, but for datatrove as it ships, which gets every 32nd: spaCy alone would take five minutes.

    Each gets the texts as it takes them, Winnow an Arrow array and the peers Python strings.
    """
    logger.disable("datatrove")
    print("language  what                       documents       MB  documents/s     MB/s   winnow is")
    for language in ("en", "zh"):
        _compare_signatures(language)


def _compare_signatures(language: str) -> None:
    every = pages(language, MORE[language])
    few = every[::32]
    work: dict[str, tuple[Callable[..., object], list[str], int]] = {
        "winnow": (ours, every, 5),
        "datasketch": (partial(by_datasketch, language=language), every, 1),
        "rensa": (partial(by_rensa, language=language), every, 3),
        "datatrove": (partial(by_datatrove, language=language, split_at_spaces=False), few, 1),
    }
    if language == "en":
        work["datatrove, split at spaces"] = (partial(by_datatrove, language=language, split_at_spaces=True), every, 1)
    ours_rate = 0.0
    for name, (function, texts, rounds) in work.items():
        take = partial(pa.array, type=pa.large_string()) if name == "winnow" else list
        function(take(every[:20]))
        given = take(texts)
        seconds = median(processor_seconds(partial(function, given)) for _ in range(rounds))
        size = sum(len(text.encode()) for text in texts)
        rate = size / seconds
        ours_rate = ours_rate or rate
        # Compared by bytes: the few pages are as long as all pages within a few per cent.
        ratio = "" if name == "winnow" else f"{ours_rate / rate:8.0f}×"
        speed = f"{len(texts) / seconds:11,.0f} {rate / 1e6:8.2f} {ratio}"
        print(f"{language:9} {name:26} {len(texts):9} {size / 1e6:8.1f}  {speed}", flush=True)


def lay_out(folder: str, texts: Sequence[str], *, parts: int) -> tuple[Workspace, list[str]]:
    """Documents dealt to parts in turn."""
    workspace = Workspace(folder)
    names = [f"p-{number:05d}" for number in range(parts)]
    for number, name in enumerate(names):
        records = [
            {"id": document_id("b", str(at), text), "text": text, "source": "b", "kind": "tables", "locator": str(at)}
            for at, text in enumerate(texts)
            if at % parts == number
        ]
        workspace.write_table(f"documents/{name}.parquet", pa.Table.from_pylist(records, schema=DOCUMENT))
    return workspace, names


def pipeline() -> None:
    """Text → survivors, files read and written, beside datatrove's four stages on the same documents."""
    texts = [row["text"] for row in rows("neardup/version_docs") if row["lang"] == "en"]
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts)} documents, {size / 1e6:.1f} MB")
    logger.disable("datatrove")
    ours_seconds = 0.0
    for name, function, rounds in (
        ("winnow", _winnow, 5),
        ("datatrove", partial(_datatrove, split_at_spaces=False), 1),
        ("datatrove, split at spaces", partial(_datatrove, split_at_spaces=True), 3),
    ):
        seconds = []
        for number in range(rounds + 1):
            with tempfile.TemporaryDirectory() as folder:
                used, kept = function(folder, texts if number else texts[:20])
            if number:  # the first round compiles and loads
                seconds.append(used)
        ours_seconds = ours_seconds or median(seconds)
        ratio = "" if name == "winnow" else f", winnow is {median(seconds) / ours_seconds:.0f}×"
        print(f"{name:28} {size / median(seconds) / 1e6:8.2f} MB/s, kept {kept}{ratio}", flush=True)
    print("datatrove doesn't verify, keeps the first of a component and so may keep fewer")


def _winnow(folder: str, texts: Sequence[str]) -> tuple[float, int]:
    """Seconds from documents on disk to the kept ones, and how many they are."""
    workspace, parts = lay_out(folder, texts, parts=1)
    start = time.process_time()
    carry_out(workspace, minhash.plan(parts, MinHashSettings(bands=BANDS, rows=ROWS, threshold=0.7, buckets=1)))
    kept = keep(workspace, parts, [minhash.STAGE])
    return time.process_time() - start, kept


def _datatrove(folder: str, texts: Sequence[str], *, split_at_spaces: bool) -> tuple[float, int]:
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)

    def documents() -> object:
        return (Document(text=text, id=str(at)) for at, text in enumerate(texts))

    start = time.process_time()
    signature = MinhashDedupSignature(f"{folder}/signatures", config, language="eng")
    if split_at_spaces:
        signature.word_tokenizer = SpaceSplitter()
    signature.run(documents(), rank=0, world_size=1)
    for bucket in range(BANDS):
        MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config).run(
            rank=bucket, world_size=BANDS
        )
    MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config).run(world_size=1)
    kept = sum(1 for _ in MinhashDedupFilter(f"{folder}/removed").run(documents(), rank=0, world_size=1))
    return time.process_time() - start, kept


if __name__ == "__main__":
    chosen = {"signatures": signatures, "pipeline": pipeline}
    if len(sys.argv) != 2 or sys.argv[1] not in chosen:
        sys.exit(__doc__)
    chosen[sys.argv[1]]()

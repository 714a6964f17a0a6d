"""Personal data beside presidio and datatrove: precision and recall by kind on gold sentences, and speed on one core.

    NUMBA_NUM_THREADS=1 python -m benchmarks.personal_data --corpora ../shared/corpora

presidio runs its pattern recognisers, which is what it has for these kinds with or without a language model;
datatrove its `PIIFormatter`, which knows e-mail and IP addresses. A finding is right when it overlaps a gold span of
its kind.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from winnow.filters.personal_data import find_personal_data

ROUNDS = 3
KINDS = {"EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip_address", "PHONE_NUMBER": "phone", "CREDIT_CARD": "bank_card"}
Found = list[tuple[str, int, int]]
"""Kind and characters of each finding in a text."""


def gold(path: Path) -> tuple[list[str], list[Found]]:
    with path.open("rb") as stream:
        rows = [
            json.loads(line) for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8")
        ]
    spans = [
        [
            (KINDS[span["entity_type"]], span["start_position"], span["end_position"])
            for span in row["spans"]
            if span["entity_type"] in KINDS
        ]
        for row in rows
    ]
    return [row["full_text"] for row in rows], spans


def ours(texts: list[str]) -> list[Found]:
    found = find_personal_data(pa.array(texts, pa.large_string()))
    return [
        [
            (str(kind), len(text.encode()[:start].decode()), len(text.encode()[:end].decode()))
            for kind, start, end in found.get(row, [])
        ]
        for row, text in enumerate(texts)
    ]


def peers() -> dict[str, Callable[[list[str]], list[Found]]]:
    found: dict[str, Callable[[list[str]], list[Found]]] = {"ours": ours}
    try:
        import tldextract.tldextract
        from presidio_analyzer import predefined_recognizers as known

        # Its list of domains as shipped; it would be fetched otherwise, and the benchmark fail without a network.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
        recognisers: list[Any] = [
            known.EmailRecognizer(), known.IpRecognizer(), known.PhoneRecognizer(), known.CreditCardRecognizer()
        ]  # fmt: skip

        def presidio(texts: list[str]) -> list[Found]:
            return [
                [
                    (KINDS[result.entity_type], result.start, result.end)
                    for recogniser in recognisers
                    for result in recogniser.analyze(text, recogniser.supported_entities, None) or ()
                ]
                for text in texts
            ]

        found["presidio"] = presidio
    except ImportError as error:
        print(f"without presidio: {error}")
    try:
        from datatrove.pipeline.formatters import PIIFormatter

        formatter = PIIFormatter()
        patterns = (("email", formatter.emails_replacer), ("ip_address", formatter.ip_replacer))

        def datatrove(texts: list[str]) -> list[Found]:
            return [
                [
                    (kind, *match.span())
                    for kind, replacer in patterns
                    for match in replacer.regex.finditer(text)
                    if replacer.validator is None or replacer.validator(match.group())
                ]
                for text in texts
            ]

        found["datatrove"] = datatrove
    except ImportError as error:
        print(f"without datatrove: {error}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    texts, truth = gold(parser.parse_args().corpora / "pii/presidio_synth_v2.jsonl.zst")
    size = sum(len(text.encode()) for text in texts) / 1e6
    finders = peers()
    answers: dict[str, list[Found]] = {}
    times: dict[str, list[float]] = {name: [] for name in finders}
    for _ in range(ROUNDS + 1):  # the first one compiles
        for name, find in finders.items():
            start = time.process_time()
            answers[name] = find(texts)
            times[name].append(time.process_time() - start)
    print(f"{len(texts)} sentences, {size:.2f} MB; precision / recall")
    print(f"{'':10}" + "".join(f"{kind:>16}" for kind in KINDS.values()) + f"{'MB/s':>10}")
    for name, guesses in answers.items():
        cells = []
        for kind in KINDS.values():
            true = [(row, span) for row, spans in enumerate(truth) for span in spans if span[0] == kind]
            guessed = [(row, span) for row, spans in enumerate(guesses) for span in spans if span[0] == kind]
            hit = {(row, a) for row, a in true for b in guesses[row] if b[0] == kind and a[1] < b[2] and b[1] < a[2]}
            right = {(row, b) for row, b in guessed for a in truth[row] if a[0] == kind and a[1] < b[2] and b[1] < a[2]}
            cells.append(
                f"{len(right) / max(len(set(guessed)), 1):.3f} / {len(hit) / len(set(true)):.3f}" if guessed else "-"
            )
        speed = size / statistics.median(times[name][1:])
        print(f"{name:10}" + "".join(f"{cell:>16}" for cell in cells) + f"{speed:10.2f}")


if __name__ == "__main__":
    main()

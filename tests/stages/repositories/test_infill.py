"""Gaps to fill inside repository sequences: every file's text can be read back, whatever was rearranged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.formats.languages.imports.graph import Policy
from winnow.stages.repositories.assembly import Assembly
from winnow.stages.repositories.reading import Reader
from winnow.stages.repositories.repository import FILE
from winnow.tokenizer.encoder import Encoder
from winnow.tokenizer.infill import Infill
from winnow.tokenizer.load import load
from winnow.tokenizer.special import CODE_MIDDLE, CODE_PREFIX, CODE_SUFFIX, END_OF_TEXT, FILE_SEPARATOR, INFILL
from winnow.tokenizer.train import train

CODE = "def add(a, b):\n    return {a: [b, '<|code_middle|>']}\n"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("tokenizer")
    train([CODE * 5, "import os\nclass A:\n    pass\n" * 20], 350, 0, str(folder))
    return load(str(folder))


def files(texts: Sequence[str]) -> pa.Table:
    rows = [
        {"_key": 0, "id": f"id-{number}", "source": "s", "repository": "r", "origin": "", "path": f"f{number}.py",
         "language": "Python", "license": None, "package": None, "keep": True, "text": text}
        for number, text in enumerate(texts)
    ]  # fmt: skip
    return pa.Table.from_pylist([{**row, FILE.names[0]: 0} for row in rows], schema=FILE)


def assembled(encoder: Encoder, texts: Sequence[str], infill: Infill, seed: int, length: int = 4096) -> list[dict]:
    reader = Reader(encoder, length=length, seed=seed, infill=infill)
    with Assembly(encoder, policy=Policy.PATH, length=length, seed=seed) as assembly:
        for read in reader.read(files(texts)):
            assembly.take(read)
        return [
            {"tokens": tokens.to_pylist(), "order": evidence.to_pylist()[0]["order"]}
            for tokens, evidence in assembly.write()
        ]


def restored(encoder: Encoder, ids: Sequence[int]) -> Iterator[tuple[str, str, bool]]:
    """Path, text and whether it had a gap, of each file of a sequence, from its ids alone."""
    marks = {encoder.special[name]: name for name in INFILL}
    separator, end = encoder.special[FILE_SEPARATOR], encoder.special[END_OF_TEXT]
    starts = [place for place, identity in enumerate(ids) if identity == separator] + [list(ids).index(end)]
    for start, stop in pairwise(starts):
        parts: dict[str, list[int]] = {"": []}
        current = ""
        for identity in ids[start + 1 : stop]:
            if identity in marks:
                current = marks[identity]
                assert current not in parts, "a file has one gap"
                parts[current] = []
            else:
                parts[current].append(identity)
        head = encoder.decode(parts[""])
        gap = "".join(encoder.decode(parts[name]) for name in (CODE_PREFIX, CODE_MIDDLE, CODE_SUFFIX) if name in parts)
        assert len(parts) in (1, 4)
        path, _, plain = head.partition("\n")
        assert plain == "" or len(parts) == 1
        yield path, plain + gap, len(parts) == 4


@settings(max_examples=30)
@given(
    texts=st.lists(st.text(alphabet="ab\n (){}<|code_suffix|>文", min_size=1, max_size=60) | st.just(CODE), min_size=1, max_size=6),
    rate=st.sampled_from([0.0, 0.5, 1.0]),
    syntax=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 1 << 40),
)  # fmt: skip
def test_every_text_is_read_back_from_the_sequence(
    encoder: Encoder, texts: list[str], rate: float, syntax: float, seed: int
) -> None:
    (table,) = assembled(encoder, texts, Infill(rate=rate, syntax=syntax), seed)
    (sequence,) = table["tokens"]
    found = {path: (text, gap) for path, text, gap in restored(encoder, sequence["tokens"])}
    assert {path: text for path, (text, _) in found.items()} == {f"f{i}.py": text for i, text in enumerate(texts)}
    assert {place["path"]: place["infill"] for place in table["order"]} == {p: gap for p, (_, gap) in found.items()}
    assert rate != 1.0 or all(gap for _, gap in found.values())
    assert rate != 0.0 or not any(gap for _, gap in found.values())


def test_a_file_that_must_be_cut_has_no_gap(encoder: Encoder) -> None:
    (table,) = assembled(encoder, [CODE * 40, CODE], Infill(rate=1.0), 1, length=200)
    assert {place["path"]: place["infill"] for place in table["order"]} == {"f0.py": False, "f1.py": True}


def test_a_syntax_node_is_the_gap(encoder: Encoder) -> None:
    """By hand: the texts of every named node of the function are known; the gap is one of them."""
    nodes = {"def add(a, b):\n    return a\n", "def add(a, b):\n    return a", "add", "(a, b)", "a", "b", "return a"}
    text = "def add(a, b):\n    return a\n"
    seen = set()
    for seed in range(40):
        (table,) = assembled(encoder, [text], Infill(rate=1.0, syntax=1.0), seed)
        ids = table["tokens"][0]["tokens"]
        middle = ids.index(encoder.special[CODE_MIDDLE])
        others = [i for i, identity in enumerate(ids) if identity in {encoder.special[name] for name in INFILL}]
        stop = min([i for i in others if i > middle], default=len(ids) - 1)
        seen.add(encoder.decode(ids[middle + 1 : stop]))
    assert seen <= nodes
    assert len(seen) > 3

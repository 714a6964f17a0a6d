"""Shared lines: found above the bound only, taken out exactly, and documents of nothing else dropped."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.stages.deduplicate import lines
from winnow.stages.deduplicate.lines import LineSettings, strip

MENU = "Home · About us · Products · Contact"
FOOTER = "© 2024 Beispiel GmbH, alle Rechte vorbehalten"
SETTINGS = LineSettings(documents=2, shortest=8, kinds=("tables",), buckets=2)


def stripped(workspace, parts, work, **changes) -> list[str]:
    work(lines.plan(parts, SETTINGS.model_copy(update=changes)))
    texts = []
    for part in parts:
        documents = workspace.read_table(f"documents/{part}.parquet")
        texts += strip(documents, workspace.read_table(lines.spans_path(part)))["text"].to_pylist()
    return texts


def test_lines_above_the_bound_go_and_others_stay(workspace, lay_out, work):
    texts = [f"{MENU}\nArticle number {name} says this.\n  {FOOTER}  \n{MENU}" for name in ("one", "two", "three")]
    texts.append(f"shared by two\n{MENU}\nshared by two")
    texts.append("shared by two\nshort\n{}\nshort")
    parts = lay_out({"a-00000": texts[:2], "b-00000": texts[2:]})
    assert stripped(workspace, parts, work) == [
        *(f"Article number {name} says this.\n  " for name in ("one", "two", "three")),
        "shared by two\nshared by two",
        texts[-1],
    ]
    spans = workspace.read_table(lines.spans_path("b-00000")).to_pylist()
    assert {span["documents"] for span in spans} == {3, 4}


def test_a_document_of_boilerplate_alone_is_dropped_with_its_share(workspace, lay_out, work):
    parts = lay_out({"a-00000": [MENU + "\nand an article of its own", MENU + "\n" + MENU + "\nx", MENU]})
    work(lines.plan(parts, SETTINGS))
    drops = workspace.read_table("drops/deduplicate.lines/a-00000.parquet").to_pylist()
    assert [row["row"] for row in drops] == [1, 2]
    assert drops[1]["value"] == "0.0000" and drops[1]["threshold"] == "≥ 0.1"


def test_paragraphs_are_separated_by_blank_lines(workspace, lay_out, work):
    shared = "First line of it,\nsecond line of it."
    texts = [f"{shared}\n \nOwn text {name}." for name in ("one", "two", "three")] + ["First line of it,\nalone"]
    parts = lay_out({"a-00000": texts})
    found = stripped(workspace, parts, work, passage="paragraph")
    assert [text.strip() for text in found] == ["Own text one.", "Own text two.", "Own text three.", texts[-1]]


def test_a_passage_of_many_parts_is_told_to_each_part_that_holds_it_and_to_no_other(workspace, lay_out, work):
    """Over more buckets than files are gathered from, in parts that hold different passages, some none."""
    sites = [f"This page belongs to site {number}." for number in range(40)]
    held = {f"a-{part:05d}": [sites[(part * 7 + number) % 40] for number in range(part % 5)] for part in range(50)}
    texts = {part: [f"{line}\nText of {part} and {line[::-1]}" for line in own] for part, own in held.items()}
    parts = lay_out(texts)
    count = Counter(line for own in held.values() for line in own)
    expected = [
        text if count[text.split("\n")[0]] <= 2 else text.split("\n")[1] for part in parts for text in texts[part]
    ]
    assert 0 < sum(number > 2 for number in count.values()) < len(count)
    assert stripped(workspace, parts, work, buckets=150) == expected
    for part, own in held.items():
        told = [span["documents"] for span in workspace.read_table(lines.spans_path(part)).to_pylist()]
        assert sorted(told) == sorted(count[line] for line in own if count[line] > 2)


TEXTS = st.lists(
    st.lists(st.sampled_from(["alpha beta", "早上好，世界", "x", "", "  gamma delta  "]), max_size=6), max_size=8
)


@given(TEXTS)
@settings(max_examples=100)
def test_passages_and_their_bounds_equal_a_plain_reading(documents):
    import numpy as np

    from winnow.filters.kernels.bytes import text_buffers
    from winnow.filters.kernels.passages import Passages, list_passages

    texts = ["\n".join(document) for document in documents]
    room = [np.empty(64, kind) for kind in (np.uint64, np.int32, np.int64, np.int64)]
    count = list_passages(*text_buffers(pa.array(texts, pa.large_string())), False, 4, Passages(*room))
    found = [texts[room[1][at]].encode()[room[2][at] : room[3][at]].decode() for at in range(count)]
    expected = [line.strip() for text in texts for line in text.split("\n") if len(line.strip().encode()) >= 4]
    assert found == expected
    assert len(Counter(room[0][:count].tolist())) == len(set(expected))

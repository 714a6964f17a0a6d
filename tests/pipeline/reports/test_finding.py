"""A document is found by its id, by the name of its file however that is written, or by words; else the nearest is told."""

from __future__ import annotations

import pyarrow as pa
import pytest

from winnow.pipeline.reports.finding import find
from winnow.stages.document import DOCUMENT, REJECTION, document_id
from winnow.stages.run.workspace import Workspace

TEXTS = {
    "corpus!apt/copyright": "Files of apt may be passed on under the terms of the licence.",
    "corpus!bash/copyright": "Files of bash may be\npassed on  by anybody.",
    "corpus!bash/NEWS.txt": "Nothing new, and/or nothing old (yet).",
    "corpus/talks.jsonl#3": "First talk.",
    "corpus/talks.jsonl#30": "Second talk.",
    "corpus/one.jsonl#1": "A single row of a table.",
    "corpus/页面.html": "磨坊主把麦子\n倒进料斗。",
    "crawl.warc.gz@77": "A page of a crawl.",
}
ADDRESS = "https://a.example/mills?wind=1"


@pytest.fixture
def run(workspace: Workspace) -> Workspace:
    rows = [
        {"id": document_id("s", place, text), "text": text, "source": "s", "kind": "k", "locator": place}
        | ({"url": ADDRESS} if "@" in place else {})
        for place, text in TEXTS.items()
    ]
    for number, part in enumerate((rows[:5], rows[5:])):
        workspace.write_table(f"documents/s-{number:05}.parquet", pa.Table.from_pylist(part, schema=DOCUMENT))
    left = {"locator": "corpus!bash/INTRO", "source": "s", "stage": "ingest", "rule": "longform.short", "value": "9"}
    workspace.write_table("rejections/ingest/s-00000.parquet", pa.Table.from_pylist([left], schema=REJECTION))
    return workspace


@pytest.mark.parametrize(
    ("wanted", "locator"),
    [
        ("corpus!apt/copyright", "corpus!apt/copyright"),
        ("corpus/apt/copyright", "corpus!apt/copyright"),
        ("./corpus//apt/copyright", "corpus!apt/copyright"),
        ("/home/me/texts/corpus/apt/copyright", "corpus!apt/copyright"),
        ("apt/copyright", "corpus!apt/copyright"),
        ("NEWS.txt", "corpus!bash/NEWS.txt"),
        ("EWS.txt", "corpus!bash/NEWS.txt"),
        ("talks.jsonl#3", "corpus/talks.jsonl#3"),
        ("one.jsonl", "corpus/one.jsonl#1"),
        ("/home/me/corpus/one.jsonl", "corpus/one.jsonl#1"),
        ("页面.html", "corpus/页面.html"),
        ("crawl.warc.gz", "crawl.warc.gz@77"),
        (ADDRESS, "crawl.warc.gz@77"),
        ("passed on by anybody.", "corpus!bash/copyright"),
        ("and/or nothing old (yet)", "corpus!bash/NEWS.txt"),
        ("磨坊主把麦子 倒进料斗", "corpus/页面.html"),
    ],
)
def test_one_document_is_meant(run: Workspace, wanted: str, locator: str) -> None:
    found = find(run, wanted)
    assert found.locator == locator
    assert run.read_table(f"documents/{found.part}.parquet")["id"][found.row].as_py() == found.identity
    assert find(run, found.identity[:12]) == found


def test_of_several_that_are_meant_each_is_named(run: Workspace) -> None:
    for wanted, places in (
        ("copyright", ["corpus!apt/copyright", "corpus!bash/copyright"]),
        ("talks.jsonl", ["corpus/talks.jsonl#3", "corpus/talks.jsonl#30"]),
    ):
        with pytest.raises(LookupError) as caught:
            find(run, wanted)
        assert str(caught.value).startswith(f"2 documents are meant by {wanted!r}; choose one by its id:")
        assert [line.split("  ")[-1] for line in str(caught.value).splitlines()[1:]] == places


def test_what_never_became_a_document_is_found_before_a_text_that_speaks_of_it(run: Workspace) -> None:
    for wanted in ("INTRO", "corpus/bash/INTRO", "/home/me/corpus/bash/INTRO"):
        with pytest.raises(LookupError) as caught:
            find(run, wanted)
        assert str(caught.value).splitlines() == [
            "records that became no document: 1",
            "  ingest  corpus!bash/INTRO  longform.short: 9",
        ]


def test_the_nearest_name_is_told(run: Workspace) -> None:
    for wanted, near in (("corpus/NEWS.text", "NEWS.txt"), ("talk.jsonl", "talks.jsonl"), ("INTROS", "INTRO")):
        with pytest.raises(LookupError, match=f"did you mean the file '{near}'"):
            find(run, wanted)

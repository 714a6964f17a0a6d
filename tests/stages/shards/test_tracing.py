"""Tracing: every token of a shard leads back to its document, its file and its line. A token here is a character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from winnow.stages.document import DOCUMENT
from winnow.stages.repositories.evidence import sequences_schema
from winnow.stages.run.workspace import Workspace
from winnow.stages.shards.sequences import SEGMENT, Sequences, ShardError
from winnow.stages.shards.shard import write_shard
from winnow.stages.shards.tracing import members, trace
from winnow.stages.tokens.schema import tokens_schema

PAGE = "first\nsecond\nthird"
FILES = {"a.py": "x = 1\ny = 2\n", "b.py": "import a\nprint(a.x)\n"}
NAME = "§shop"
PACK = NAME + "".join(f"¶{path}\n{text}" for path, text in FILES.items()) + "$"
ROW = PAGE[7:] + PACK + "~~"  # the page's beginning lies in another row


def decode(ids: Sequence[int]) -> str:
    return "".join(map(chr, ids))


@pytest.fixture
def shard(workspace: Workspace) -> str:
    documents = [{"id": "page", "text": PAGE, "source": "web", "kind": "web", "locator": "pages.warc.gz@7"}]
    documents += [
        {
            "id": path,
            "text": text,
            "source": "code",
            "kind": "repositories",
            "locator": f"shop.tar!{path}",
            "path": path,
        }
        for path, text in FILES.items()
    ]
    workspace.write_table("documents/p.parquet", pa.Table.from_pylist(documents, schema=DOCUMENT))
    tokens = [
        {"id": name, "source": "s", "kind": "k", "bucket": -1, "tokens": [ord(c) for c in text], "cuts": []}
        for name, text in (("page", PAGE), ("pack", PACK))
    ]
    workspace.write_table("tokens/p.parquet", pa.Table.from_pylist(tokens, schema=tokens_schema(np.uint16)))
    order = [
        {
            "path": path,
            "document": path,
            "piece": 1,
            "offset": PACK.index(f"¶{path}"),
            "tokens": len(text),
            "infill": False,
        }
        for path, text in FILES.items()
    ]
    evidence = sequences_schema()
    schema = pa.schema([evidence.field(name) for name in ("pieces", "order")])
    held = pa.Table.from_pylist([{"pieces": ["other", "pack"], "order": order}], schema=schema)
    workspace.write_table("sequences/p.parquet", held)
    split = len(PAGE) - 7
    segments = [
        {"document": "page", "source": "web", "position": 0, "length": split, "offset": 7, "continued": False},
        {"document": "pack", "source": "code", "position": split, "length": len(PACK), "offset": 0, "continued": False},
    ]
    rows = Sequences(
        input_ids=np.array([[ord(c) for c in ROW]], np.uint16),
        segments=pa.array(segments, type=SEGMENT),
        bounds=np.array([0, 2]),
    )
    write_shard(workspace, "shards/base/0.parquet", rows)
    return workspace.path("shards/base/0.parquet")


@pytest.mark.parametrize(
    ("found", "document", "path", "line"),
    [
        ("third", "page", None, 3),
        ("y = 2", "a.py", "a.py", 2),
        ("import a", "b.py", "b.py", 1),
        ("print(", "b.py", "b.py", 2),
        ("a.py", "a.py", "a.py", None),
        ("§", None, None, None),
        ("~", None, None, None),
    ],
)
def test_a_token_leads_to_its_file_and_line(
    workspace: Workspace, shard: str, found: str, document: str | None, path: str | None, line: int | None
) -> None:
    place = ROW.index(found)
    traced = trace(workspace, shard, 0, place, decode)
    assert traced.token == ord(found[0])
    assert (traced.document and traced.document["id"], traced.member and traced.member.path) == (document, path)
    assert traced.line == line
    if document == "page":
        assert traced.document["locator"] == "pages.warc.gz@7" and PAGE[traced.place] == found[0]


def test_a_sequence_of_a_repository_names_its_files(workspace: Workspace, shard: str) -> None:
    assert [(member.document, member.path) for member in members(workspace, "pack")] == [(p, p) for p in FILES]
    assert members(workspace, "nothing") == []


@pytest.mark.parametrize(("row", "token", "told"), [(1, 0, "rows 0 to 0, not 1"), (0, 999, "not 999")])
def test_places_that_a_shard_lacks_are_told(workspace: Workspace, shard: str, row: int, token: int, told: str) -> None:
    with pytest.raises(ShardError, match=told):
        trace(workspace, shard, row, token, decode)
